"""Answers other than success that are known before the application is asked, or that it cannot give itself."""

import dataclasses
from html import escape
from json import dumps

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{heading} · videoservice</title>
<style>
:root {{ color-scheme: light dark; --line: light-dark(#e4e0d9, #2c2f34); --ink: light-dark(#1d1b18, #eceae6);
  --accent: light-dark(#0b6e5b, #3fc3a5); --card: light-dark(#ffffff, #1b1d20) }}
* {{ box-sizing: border-box }}
body {{ margin: 0; background: light-dark(#fbfaf8, #131416); color: var(--ink); font: 400 .875rem/1.45 ui-sans-serif,
  system-ui, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif }}
a {{ color: inherit; text-decoration: none }}
:focus-visible {{ outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 6px }}
header {{ height: 56px; padding: 0 max(1rem, (100vw - 1216px) / 2 + 1rem); border-bottom: 1px solid var(--line) }}
header a {{ display: inline-flex; align-items: center; gap: .5rem; height: 56px; font-weight: 680; font-size: 15px;
  letter-spacing: -.02em }}
svg {{ width: 22px; color: var(--accent) }}
main {{ max-width: 440px; margin: 3rem auto 0; padding: 0 1rem }}
section {{ padding: 1rem; border: 1px solid var(--line); border-radius: 10px; background: var(--card) }}
h1 {{ margin: 0; font-size: 1.25rem; line-height: 1.2; font-weight: 650; letter-spacing: -.015em }}
p {{ margin: 1rem 0; overflow-wrap: anywhere }}
nav {{ display: flex; flex-wrap: wrap; gap: .75rem }}
nav a {{ display: inline-flex; align-items: center; height: 2.5rem; padding: 0 .75rem; border: 1px solid var(--line);
  border-radius: 6px; font-weight: 540 }}
nav a:first-child {{ background: var(--accent); border-color: var(--accent); color: light-dark(#ffffff, #06241d) }}
</style>
<header><a href="/"><svg viewBox="0 0 24 24" fill="currentColor" aria-hidden="true">
<rect x="2" y="8" width="3" height="8" rx="1.5"/><rect x="7" y="4" width="3" height="16" rx="1.5"/>
<rect x="12" y="11" width="3" height="2" rx="1" opacity=".35"/><rect x="17" y="5" width="3" height="14" rx="1.5"/>
</svg>videoservice</a></header>
<main><section><h1>{heading}</h1><p>{message}</p><nav aria-label="The way on">{ways}</nav></section></main>
</html>
"""
"""A page like the site's own that needs nothing else: no file, no template, no database."""
HOME = '<a href="/">Go to the library</a>'
AGAIN = '<a href="">Try again</a>'
"""The same address once more, as a reload would ask for it."""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
AGAIN_SECONDS = 10


@dataclasses.dataclass(frozen=True)
class Refusal:
    """`status` has its words, `heading` is for pages; `again` says whether the same may do in a moment."""

    status: str
    code: str
    message: str
    heading: str = "That was not taken in"
    again: bool = False

    @property
    def number(self) -> int:
        return int(self.status[:3])

    @property
    def headers(self) -> dict[str, str]:
        """What an answer with this status says besides."""
        headers = {"Tus-Resumable": "1.0.0"}
        if self.number == 401:
            headers["WWW-Authenticate"] = "Bearer"
        if self.again:
            headers["Retry-After"] = str(AGAIN_SECONDS)
        return headers

    @property
    def envelope(self) -> dict[str, dict[str, str]]:
        """The refusal as scripts read it."""
        return {"error": {"code": self.code, "message": self.message}}

    @property
    def page(self) -> str:
        ways = AGAIN + HOME if self.again else HOME
        return PAGE.format(heading=escape(self.heading), message=escape(self.message), ways=ways)

    def headers_and_body(self, accept: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """A page for browsers, the API's error envelope for everybody else; the connection ends with it."""
        if b"text/html" in accept:
            kind, body = b"text/html", self.page
        else:
            kind, body = b"application/json", dumps(self.envelope)
        content = body.encode()
        headers = [
            (b"Connection", b"close"),
            (b"Content-Type", kind + b"; charset=utf-8"),
            (b"Content-Length", b"%d" % len(content)),
            (b"Content-Security-Policy", POLICY.encode()),
            *((name.encode(), value.encode()) for name, value in self.headers.items()),
        ]
        return headers, content

    def raw(self, accept: bytes) -> bytes:
        """The answer as it goes over the line."""
        headers, content = self.headers_and_body(accept)
        lines = [b"HTTP/1.1 " + self.status.encode(), *(name + b": " + value for name, value in headers)]
        return b"\r\n".join([*lines, b"", content])


SIGN_IN = Refusal("401 Unauthorized", "unauthorized", "Sign in, or send a valid token, and try again.")
DISK_FULL = Refusal(
    "507 Insufficient Storage",
    "disk_full",
    "The server's disk is full, so this was not taken in. Make room, or ask the operator to, then try again.",
    heading="There is no room",
)
AWAY = Refusal(
    "503 Service Unavailable",
    "unavailable",
    "A part that the service needs does not answer at the moment. Wait a minute, then try again.",
    heading="Away for a moment",
    again=True,
)
INTERNAL = Refusal(
    "500 Internal Server Error",
    "internal",
    "Something went wrong on the server. Try again; if that fails too, tell the operator.",
    heading="Something went wrong here",
)
NOT_THIS_WAY = Refusal(
    "405 Method Not Allowed",
    "method_not_allowed",
    "This address only takes what the buttons of a page send. Go to that page, and press the button there.",
    heading="Nothing to see at this address",
)
NO_WEB = Refusal(
    "503 Service Unavailable",
    "away",
    "The site is just starting or being looked after. Nothing is lost. Try again in half a minute.",
    heading="Back in a moment",
    again=True,
)
"""What nginx says where no web process answers: deploy/nginx/away.html is its page, away.json its envelope."""
UPGRADING = Refusal(
    "503 Service Unavailable",
    "upgrading",
    "The site is being upgraded. Try again in a minute.",
    heading="Back in a minute",
    again=True,
)


def unknown_host(asked: str) -> Refusal:
    """Tells what the site was called and where that is allowed, and to no stranger what it is called otherwise."""
    name = "".join(letter for letter in asked if letter.isalnum() or letter in ".:-_[]")[:100]
    called = f"by the name “{name}”" if name else "without a name"
    add = f" (ALLOWED_HOSTS=…,{_without_port(name)})" if name else ""
    return Refusal(
        "400 Bad Request",
        "unknown_host",
        f"This site was asked for {called}, which it does not go by. Use its usual address; who runs it can add the "
        f"name to ALLOWED_HOSTS{add} and start it again.",
        heading="Not the name of this site",
    )


def _without_port(name: str) -> str:
    host, _, port = name.rpartition(":")
    return host if host and port.isdigit() else name
