"""A small OpenID Connect provider on loopback, as those that companies have: it stands for what is outside.

It speaks by HTTP, signs its tokens, hands a code out once, and holds the exchange of it against PKCE and the secret.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID, SECRET = "videoservice", "a-secret-of-the-client"


class Provider:
    """`person` is who signs in there next: the claims that are made of them. `asked` are the questions that came."""

    def __init__(self):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.person = {}
        self.asked = []
        self.codes = {}
        self.tokens = {}
        self.refuses = False
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"provider": self}))
        self.issuer = f"http://127.0.0.1:{self.server.server_port}/realms/studio"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def env(self, **more):
        return {
            "OIDC_NAME": "Studio",
            "OIDC_ISSUER": self.issuer,
            "OIDC_CLIENT_ID": CLIENT_ID,
            "OIDC_CLIENT_SECRET": SECRET,
            "OIDC_OPERATOR_GROUP": "video-operators",
            **more,
        }

    def configuration(self):
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }

    def code(self, query):
        self.asked.append(query)
        code = secrets.token_urlsafe()
        self.codes[code] = (query, dict(self.person))
        return code

    def exchange(self, form):
        """The tokens for a code, or None."""
        query, person = self.codes.pop(form.get("code"), ({}, {}))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        fits = (
            query.get("code_challenge_method") == "S256"
            and query.get("code_challenge") == challenge.rstrip(b"=").decode()
            and query.get("redirect_uri") == form.get("redirect_uri")
            and (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, SECRET)
        )
        if not fits:
            return None
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 60, **person}
        access = secrets.token_urlsafe()
        self.tokens[access] = person
        signed = jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": "1"})
        return {"access_token": access, "token_type": "Bearer", "expires_in": 60, "id_token": signed}


class Handler(BaseHTTPRequestHandler):
    provider: Provider

    def do_GET(self):
        parts = urlsplit(self.path)
        name = parts.path.removeprefix("/realms/studio/")
        if name == ".well-known/openid-configuration":
            self.answer(self.provider.configuration())
        elif name == "keys":
            key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.provider.key.public_key()))
            self.answer({"keys": [{**key, "kid": "1", "alg": "RS256", "use": "sig"}]})
        elif name == "userinfo":
            self.answer(self.provider.tokens[self.headers["Authorization"].removeprefix("Bearer ")])
        elif name == "authorize":
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            given = {"error": "access_denied"} if self.provider.refuses else {"code": self.provider.code(query)}
            self.send_response(302)
            self.send_header("Location", f"{query['redirect_uri']}?{urlencode({**given, 'state': query['state']})}")
            self.end_headers()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        tokens = self.provider.exchange({key: values[0] for key, values in parse_qs(body).items()})
        self.answer(tokens or {"error": "invalid_grant"}, 200 if tokens else 400)

    def answer(self, data, status=200):
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass
