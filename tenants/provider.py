"""A provider of single sign-on, by OpenID Connect: the way there, and what is believed of what comes back.

The code flow with PKCE. Only RS256 and ES256 sign: a token that is not signed, or by a secret, is refused whatever the
provider says it supports. Everything is fetched by core.outbound. Authlib makes the requests and checks the claims,
joserfc the signatures.
"""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import orjson
from authlib.common.errors import AuthlibBaseError
from authlib.oauth2.client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from flask_babel import lazy_gettext as _l
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from config.settings import Settings
from core import outbound
from core.errors import Refusal

ALGORITHMS = ("RS256", "ES256")
SCOPES = "openid email profile"
LEEWAY = 60  # seconds by which clocks may differ
REMEMBERED = 300.0  # seconds for which a provider's description and keys are kept
LONGEST = 255  # characters of a subject (OpenID Connect Core 2)


class SignOnFailed(Refusal):
    """The provider did not answer, or its answer is not to be believed. `reason` is for the log."""

    status = 403
    title = _l("Single sign-on did not work")

    def __init__(self, reason: str, detail: Any = _l("Try again. If it comes back, tell your administrator.")):
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True)
class Provider:
    """What a provider says of itself (OpenID Connect Discovery)."""

    issuer: str
    authorization: str
    token: str
    keys: str
    userinfo: str = ""
    auth_method: str = "client_secret_basic"
    names_itself: bool = False


@dataclass(frozen=True)
class Said:
    """What the provider says of a person."""

    issuer: str
    subject: str
    email: str
    name: str
    claims: Mapping[str, Any] = field(default_factory=dict)

    def values(self, claim: str) -> list[str]:
        """The values of a claim that may be a text or a list of them."""
        found = self.claims.get(claim) if claim else None
        listed = found if isinstance(found, list) else [found]
        return [str(value) for value in listed if isinstance(value, str | int) and not isinstance(value, bool)]


known: dict[tuple[str, ...], tuple[float, Any]] = {}


def discover(config: Settings, issuer: str) -> Provider:
    """The provider at this issuer. Raises SignOnFailed where there is none, or one that calls itself otherwise."""
    found = fetched(config, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    texts = {name: value for name, value in found.items() if isinstance(value, str)}
    if texts.get("issuer", "").rstrip("/") != issuer.rstrip("/"):
        raise SignOnFailed("another issuer")
    signing = found.get("id_token_signing_alg_values_supported")
    if not isinstance(signing, list) or not set(ALGORITHMS) & {str(name) for name in signing}:
        raise SignOnFailed("no algorithm that we take")
    methods = found.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    method = next((one for one in ("client_secret_basic", "client_secret_post") if one in methods), None)
    named = [texts.get(name, "") for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    if method is None or not all(url.startswith("https://") for url in named):
        raise SignOnFailed("no code flow that we can go")
    return Provider(
        texts["issuer"], named[0], named[1], named[2], texts.get("userinfo_endpoint", ""), method,
        found.get("authorization_response_iss_parameter_supported") is True,
    )  # fmt: skip


def fetched(config: Settings, url: str, *, again: bool = False) -> dict[str, Any]:
    """A JSON object, kept for some minutes."""
    key = (url, *config.inner_hosts)
    kept = known.get(key)
    if kept and kept[0] > time.monotonic() and not again:
        return dict(kept[1])
    found = read(asked(config, url))
    if len(known) > 1_000:
        known.clear()
    known[key] = (time.monotonic() + REMEMBERED, found)
    return dict(found)


def asked(config: Settings, url: str, headers: Mapping[str, str] | None = None) -> outbound.Reply:
    try:
        return outbound.get(config, url, headers)
    except outbound.Unreachable as error:
        raise SignOnFailed(str(error)) from None


def read(reply: outbound.Reply) -> dict[str, Any]:
    try:
        found = orjson.loads(reply.body) if reply.status == 200 else None
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise SignOnFailed(f"no JSON object, status {reply.status}")
    return found


@dataclass(frozen=True)
class Departure:
    """What we keep while somebody is at the provider, and where they are sent."""

    state: str
    nonce: str
    verifier: str
    url: str


def depart(provider: Provider, client_id: str, back: str, *, again: bool) -> Departure:
    """A new way to the provider; with `again` it shall ask the person once more who they are."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _part in range(3))
    asking = OAuth2Client(None, client_id, scope=SCOPES, redirect_uri=back, code_challenge_method="S256")
    extra = {"prompt": "login", "max_age": "0"} if again else {}
    url, _state = asking.create_authorization_url(
        provider.authorization, state=state, code_verifier=verifier, nonce=nonce, **extra
    )
    return Departure(state, nonce, verifier, url)


class Session:
    """What Authlib's client takes for an HTTP library."""

    def __init__(self, config: Settings):
        self.config = config

    def post(self, url: str, data: Mapping[str, str], headers: Mapping[str, str], auth: Any) -> "Response":
        _url, given, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        return Response(outbound.post(self.config, url, str(body).encode(), given))


class Response:
    """What Authlib's client takes for an answer of an HTTP library."""

    def __init__(self, reply: outbound.Reply):
        self.reply = reply
        self.status_code = reply.status

    def json(self) -> Any:
        return orjson.loads(self.reply.body)

    def raise_for_status(self) -> None:
        raise SignOnFailed(f"the token endpoint answered {self.status_code}")


def redeem(
    config: Settings, provider: Provider, client_id: str, secret: str, back: str, code: str, verifier: str, nonce: str
) -> Said:
    """Whom the provider means by the code. Raises SignOnFailed for whatever is not as it must be."""
    asking = OAuth2Client(
        Session(config), client_id, secret,
        token_endpoint_auth_method=provider.auth_method, redirect_uri=back, code_challenge_method="S256",
    )  # fmt: skip
    try:
        token = asking.fetch_token(
            provider.token, grant_type="authorization_code", code=code, redirect_uri=back, code_verifier=verifier
        )
    except outbound.Unreachable as error:
        raise SignOnFailed(str(error)) from None
    except (AuthlibBaseError, ValueError) as error:
        raise SignOnFailed(f"no token: {getattr(error, 'error', 'not understood')}") from None
    claims = checked(config, provider, client_id, token, nonce)
    if not claims.get("email") and provider.userinfo and isinstance(token.get("access_token"), str):
        claims = {**userinfo(config, provider, str(token["access_token"]), claims["sub"]), **claims}
    return said(provider, claims)


def checked(
    config: Settings, provider: Provider, client_id: str, token: Mapping[str, Any], nonce: str
) -> dict[str, Any]:
    """The claims of the ID token, when its signature, issuer, audience, times and nonce are right."""
    raw = token.get("id_token")
    if not isinstance(raw, str):
        raise SignOnFailed("no ID token")
    try:
        signed = verified(config, provider, raw)
        claims = CodeIDToken(
            signed.claims,
            signed.header,
            {
                "iss": {"essential": True, "value": provider.issuer},
                "aud": {"essential": True, "value": client_id},
            },
            {"nonce": nonce, "client_id": client_id, "access_token": token.get("access_token")},
        )
        claims.validate(leeway=LEEWAY)
    except (JoseError, AuthlibBaseError, ValueError, KeyError, TypeError) as error:
        raise SignOnFailed(f"the ID token is refused: {getattr(error, 'error', type(error).__name__)}") from None
    return dict(claims)


def verified(config: Settings, provider: Provider, raw: str) -> jwt.Token:
    """The ID token, whose signature is of one of the provider's keys. They are fetched once more for one not known."""
    registry = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
    try:
        return jwt.decode(raw, keys_of(fetched(config, provider.keys)), registry=registry)
    except InvalidKeyIdError:
        return jwt.decode(raw, keys_of(fetched(config, provider.keys, again=True)), registry=registry)


def keys_of(found: Mapping[str, Any]) -> KeySet:
    """The public keys among them: one that could also be a secret is none."""
    listed = found.get("keys")
    usable = [one for one in listed if isinstance(one, dict) and one.get("kty") in ("RSA", "EC")] if listed else []
    return KeySet.import_key_set({"keys": usable})


def userinfo(config: Settings, provider: Provider, access_token: str, subject: str) -> dict[str, Any]:
    found = read(asked(config, provider.userinfo, {"Authorization": f"Bearer {access_token}"}))
    if found.get("sub") != subject:
        raise SignOnFailed("the user info is of another subject")
    return found


def said(provider: Provider, claims: dict[str, Any]) -> Said:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST or "\0" in subject:
        raise SignOnFailed("no subject")
    email, name = (str(claims.get(key) or "").replace("\0", "").strip() for key in ("email", "name"))
    if claims.get("email_verified", True) not in (True, "true"):
        email = ""
    return Said(provider.issuer, subject, email.lower()[:254], name[:100], claims)
