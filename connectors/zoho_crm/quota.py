"""The credits of an organisation, from its edition and licences."""

from __future__ import annotations

import msgspec

from connectors.base import Quota
from connectors.zoho_crm.models import License, Organization

DAY = 86400.0
FREE = 5_000
BASE = 50_000
A_USER = {
    "standard": 250,
    "professional": 500,
    "enterprise": 1_000,
    "zohoone": 1_000,
    "crmplus": 1_000,
    "ultimate": 2_000,
}
"""Edition -> credits that each licence adds (zoho.com/crm/developer/docs/api/v2/api-limits.html)."""


def quota(organization: Organization) -> Quota | None:
    """What the organisation may spend in any 24 hours, add-ons left out. None for an edition that is not known."""
    try:
        license = msgspec.convert(organization.license_details, License, strict=False)
    except msgspec.ValidationError:
        return None  # an allowance that cannot be told stops nobody
    edition = (license.paid_type if license.paid else license.trial_type or "free") or ""
    edition = edition.lower().replace(" ", "").replace("_", "")
    if edition == "free":
        return Quota(unit="credits", amount=FREE, seconds=DAY)
    # Bundles name their own edition behind it: "zohooneenterprise".
    a_user = next((credits for name, credits in A_USER.items() if edition.startswith(name)), None)
    if a_user is None:
        return None
    amount = BASE + a_user * max(1, license.users_license_purchased or 1)
    return Quota(unit="credits", amount=amount, seconds=DAY)
