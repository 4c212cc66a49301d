"""The codes that an authenticator app would show: RFC 6238, without the site's own code."""

import base64
import hashlib
import hmac
import re
import struct
import time

from tests.accounts.entrance import PASSWORD, is_in

PERIOD_SECONDS = 30


def totp(secret, periods_later=0):
    """The six figures of this moment. Called just before they change, it waits for the next ones."""
    if PERIOD_SECONDS - time.time() % PERIOD_SECONDS < 2:
        time.sleep(2.1)
    counter = struct.pack(">Q", int(time.time()) // PERIOD_SECONDS + periods_later)
    digest = hmac.new(base64.b32decode(secret), counter, hashlib.sha1).digest()
    value = struct.unpack(">I", digest[digest[-1] & 15 :][:4])[0] & 0x7FFFFFFF
    return f"{value % 10**6:06}"


def confirm(client, address):
    """Ask for a page that is only for who has just shown who it is: by the password, then it is there."""
    asked = client.get(address)
    assert asked.status_code == 302, "nothing was asked"
    assert asked.headers["Location"].startswith("/accounts/reauthenticate/")
    answer = client.post(asked.headers["Location"], {"password": PASSWORD, "next": address})
    assert answer.headers["Location"] == address
    return client.get(address)


def set_up_app(client):
    """Turn an authenticator app on. Returns its secret and the recovery codes."""
    page = confirm(client, "/accounts/2fa/totp/activate/").content.decode()
    found = re.search(r'class="mono">([A-Z2-7]+)<', page)
    assert found
    secret = found[1]
    done = client.post("/accounts/2fa/totp/activate/", {"code": totp(secret)})
    assert done.headers["Location"] == "/accounts/2fa/recovery-codes/"
    codes = client.get("/accounts/2fa/recovery-codes/download/").content.decode().split()
    assert is_in(client)
    return secret, codes
