"""An English and German speaking consultancy in Berlin."""

from __future__ import annotations

from typing import Final

from keepstep.demo.cast import Board, Cast, Contact, Customer, Day, Project, Staff, Task

STAFF: Final = Staff(
    sales="Markus Vogel", lead="Anna Berger", developer="Tom Becker", designer="Priya Nair", gone="Jonas Weber"
)

CUSTOMERS: Final = (
    Customer(
        "mueller",
        "Müller & Söhne GmbH",
        "Manufacturing",
        (
            Contact("Claudia", "Fuchs", "Head of IT", "claudia.fuchs@mueller-soehne.example", "+49 30 5550101"),
            Contact("Peter", "Müller", "Geschäftsführer", "p.mueller@mueller-soehne.example"),
        ),
        website="https://mueller-soehne.example",
        note="Prefers phone calls before 10 o'clock. 🕙",
    ),
    Customer(
        "nordwind",
        "Nordwind Logistik AG",
        "Technology",
        (
            Contact("Henrik", "Jansen", "COO", "jansen@nordwind.example", "+49 40 5550123"),
            Contact(None, "Empfang", None, None),
        ),
        folder="Nordwind  Logistik AG",
        website="nordwind.example",
    ),
    Customer(
        "brightwater",
        "Brightwater Analytics Ltd",
        "Technology",
        (Contact("Siân", "O'Connor", "CTO", "sian@brightwater.example"),),
        folder=None,
    ),
    Customer(
        "hanse",
        "Hansekontor Versicherung",
        "Financial Services",
        (
            Contact("Ilse", "Petersen", "Leiterin Digitales", "ilse.petersen@hansekontor.example"),
            Contact("Peter", "Müller", "Einkauf", "mueller@hansekontor.example"),
        ),
        folder="HANSEKONTOR Versicherung",
    ),
    Customer("optik", "Optik Neumann", "Manufacturing", (Contact("Greta", "Neumann", "Inhaberin", None),), folder=None),
    Customer("stadtwerke", "Stadtwerke Lindental", "Technology", folder=None),
    Customer("papyrus", "Papyrus Verlag", "Education", (Contact("Emil", "Roth", "Lektorat", "roth@papyrus.example"),)),
    Customer("papyrus2", "Papyrus Verlag", "Education", folder=None, note="Doublet? Please check, Markus."),
    Customer("alpen", "Alpenblick Hotels", "Technology", folder=None),
    Customer("kestrel", "Kestrel Aerospace plc", "Manufacturing", (Contact("Rory", "Blake", "PMO", None),)),
)

BOARD_TASKS: Final = (
    Task(
        "Login mit Kundennummer",
        "doing",
        "Kunden melden sich mit **Kundennummer** und Geburtsdatum an.\n\n- Sperre nach fünf Versuchen\n- Neu per Brief",
        card=True,
        comments=("Bitte an die Barrierefreiheit denken 🙏",),
    ),
    Task(
        "Upload of claim photos",
        "todo",
        "Up to ten photos, 8 MB each. HEIC too! 📷",
        card=True,
        on_card="Up to five photos. 📷",
    ),
    Task("Schadensmeldung per App", "done", "Fertig seit dem Sommer.", card=True, on_card=""),
    Task(
        "Statusanzeige für Schäden",
        "todo",
        "Traffic-light display, see <https://hansekontor.example/ampel>.",
        subtasks=("Entwurf der Ampel", "Texte mit dem Fachbereich"),
        card=True,
    ),
)

PROJECTS: Final = (
    Project(
        "routes",
        "nordwind",
        "Nordwind: Routenplanung",
        "won",
        45,
        160,
        84000.0,
        (
            Task("Kickoff Routenplanung", "done", "Agenda: goals, roles, calendar.", comments=("War gut! 👍",)),
            Task(
                "Import der Fahrzeugdaten", "doing", "CSV from the depot, *semicolons*.", subtasks=("Umlaute prüfen",)
            ),
            Task("Map view with live positions", "todo", "Use the tiles of the city's own server."),
        ),
        epic="",
        folder=True,
        documents=(
            ("plan", "Projektplan v3"),
            ("requirements", "Lastenheft"),
            ("requirements", "Lastenheft"),
            ("design", "Map sketches"),
        ),
        text="Tourenplanung für 140 Fahrzeuge.",
        tags=("strategic",),
    ),
    Project(
        "portal",
        "hanse",
        "Hansekontor: Kundenportal",
        "won",
        60,
        200,
        129500.5,
        (Task("Kick-off Kundenportal", "done"), *BOARD_TASKS),
        epic="",
        folder=True,
        documents=(("plan", "Roadmap"), ("requirements", "User stories"), ("test", "Testkonzept")),
        text="Portal for the insured: claims, documents, messages.",
    ),
    Project(
        "erp",
        "mueller",
        "Müller & Söhne: ERP rollout",
        "won",
        20,
        120,
        56000.0,
        (
            Task("Kickoff ERP", "done"),
            Task(
                "Migrate the parts list",
                "doing",
                "40,000 parts; a third without a weight.",
                comments=("Who has the key?",),
            ),
            Task("Schulung der Disponenten", "todo"),
        ),
        epic="MÜLLER & SÖHNE: ERP Rollout",
        folder=True,
        documents=(("plan", "Plan"), ("report", "Bericht Oktober")),
    ),
    Project(
        "churn", "brightwater", "Brightwater: Churn model", "won", -30, 210, 31000.0, (Task("Kickoff churn", "done"),)
    ),
    Project("shop", "optik", "Optik Neumann: Webshop", "offer", 12, 40, 18500.0, text="Shop with lens configurator."),
    Project("meters", "stadtwerke", "Lindental: Smart meters", "lead", 90, 15, None, text="First talk went well."),
    Project("archive", "papyrus", "Papyrus: Digitales Archiv", "won", -240, 340, 22000.0, epic="", due=-235),
    Project("reader", "papyrus", "Papyrus: E-book reader", "lost", -60, 180, 47000.0),
    Project("twin", "kestrel", "Kestrel: Maintenance portal", "won", -10, 90, 99000.0, epic="", due=14, led=False),
    Project("twin2", "kestrel", "Kestrel: Maintenance portal", "lead", 120, 9, 12000.0),
    Project("audit", "brightwater", "Brightwater: Data audit", "offer", 25, 30, 8000.0),
)

BOARD: Final = Board(
    "Hansekontor – Kundenportal",
    "portal",
    ("To do", "In Arbeit", "Erledigt ✅"),
    "Ideas 2025",
    (("Farben des Logos prüfen", "todo"), ("Translate the FAQ", "doing")),
    (("urgent", "red"), ("Recht", "purple"), ("", "sky")),
    (("Screen reader tested", True), ("Kontraste geprüft", False)),
    ("Können wir das bis Freitag sehen?", "👀"),
)

SECOND_BOARD: Final = Board(
    "Nordwind Ops",
    "routes",
    ("Backlog", "Doing", "Done"),
    "Old",
    (("Depot Süd: tablets", "todo"), ("Depot Süd: tablets", "done")),
    (("hardware", "orange"),),
    (),
    (),
)

CAST: Final = Cast(
    language="en",
    zone="Europe/Berlin",
    currency="EUR",
    staff=STAFF,
    customers=CUSTOMERS,
    projects=PROJECTS,
    board=BOARD,
    second_board=SECOND_BOARD,
    categories={"plan": "Plan", "requirements": "Requirements", "design": "Design", "test": "Test", "report": "Report"},
    day=Day(
        order="Optik Neumann: Wartungsvertrag",
        document="Rollout checklist",
        stray="Requirements phase two",
        note_title="Order numbers too short",
        note_text="Ms Fuchs says that the order numbers are cut off on the delivery note. Please look at it soon.",
        client="Claudia Fuchs",
        loose_card="Datenschutz: Löschfristen",
    ),
    internal=("Internal: training budget",),
    bulk=("Alder", "Birke", "Cedar", "Distel", "Elm", "Fichte", "Gorse", "Hasel", "Ivy", "Kiefer", "Larch", "Linde"),
)
