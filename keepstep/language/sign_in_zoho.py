"""What a person is told and asked while signing in to Zoho CRM."""

from __future__ import annotations

from typing import Final

from keepstep.language.message import Message

SIGN_IN_ZOHO: Final[dict[str, Message]] = {
    "zoho_console": "Sign in to Zoho as the account that Keepstep shall act as, and open the API console: {url}",
    "zoho_console_address": "The console's address, as the browser shows it then",
    "zoho_no_console": "{answer} is no API console of Zoho; paste its address, or one of: {known:list}",
    "zoho_generate_code": "In the console {url}, open the self client, choose Generate Code, leave out modules that you do not need, and take as scope: {scopes}",
    "zoho_code": "The code that it generates (it works once, for the minutes chosen)",
}  # fmt: skip
