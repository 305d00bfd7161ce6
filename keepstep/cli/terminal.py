"""The person at this terminal, as a connector meets one while signing in (``connectors.login.Person``)."""

from __future__ import annotations

import sys
import webbrowser
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl, urlsplit

import click

from keepstep.cli.session import Session

LOOPBACK = "127.0.0.1"


def asked(session: Session, text: str, *, secret: bool = False) -> str:
    """One line that holds something; a secret is never shown. Raises ``click.Abort`` where nothing more comes."""
    while True:
        # What hides a secret would look for a terminal beside the pipe, and warn that the pipe is none.
        piped = secret and not sys.stdin.isatty()
        line = (
            _piped(text) if piped else click.prompt(text, hide_input=secret, err=True, default="", show_default=False)
        )
        if answer := line.strip():
            return answer
        session.output.warn(session.say("answer_needed"))


def _piped(text: str) -> str:
    click.echo(f"{text}: ", nl=False, err=True)
    line = sys.stdin.readline()
    click.echo(err=True)
    if not line:
        raise click.Abort
    return line


class Terminal:
    """Asks and tells on standard error, so that a result on standard output stays a result."""

    def __init__(self, session: Session, *, browser: bool = True) -> None:
        self._session = session
        self._browser = browser

    def tell(self, code: str, **params: object) -> None:
        self._session.output.warn(self._session.say(code, **params))

    def ask(self, code: str, *, secret: bool = False, **params: object) -> str:
        answer = asked(self._session, self._session.say(code, **params), secret=secret)
        if secret:
            self._session.redaction.add(answer)
        return answer

    def redirected(self, address: Callable[[str], str]) -> Mapping[str, str]:
        with _Waiting() as waiting:
            url = address(waiting.redirect)
            self.tell("login_visit", url=url)
            if self._browser and webbrowser.open(url):
                return waiting.answer(self._session.say("login_done"))
        # Nobody can send this machine's browser back to us: the person copies where it led to.
        return dict(parse_qsl(urlsplit(self.ask("login_pasted", secret=True)).query))


class _Waiting:
    """A server on the loopback that lives until one answer with a query has come."""

    def __init__(self) -> None:
        self._got: dict[str, str] = {}
        self._page = ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = dict(parse_qsl(urlsplit(self.path).query))
                # A browser asks for an icon as well, and anybody on this machine may ask for anything.
                wanted = "state" in query
                self.send_response(200 if wanted else 404)
                self.send_header("Content-Type", "text/plain; charset=utf-8")
                self.end_headers()
                if wanted:
                    outer._got = query
                    self.wfile.write(outer._page.encode())

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: the address holds what signs in."""

        self._server = HTTPServer((LOOPBACK, 0), Handler)

    @property
    def redirect(self) -> str:
        return f"http://{LOOPBACK}:{self._server.server_port}/"

    def answer(self, page: str) -> Mapping[str, str]:
        """The query that the service sent the browser back with; ``page`` is what the person sees then."""
        self._page = page
        while not self._got:
            self._server.handle_request()
        return self._got

    def __enter__(self) -> _Waiting:
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.server_close()
