"""The pages and endpoints of sign-in: discovery, consent, device codes, tokens."""

import html
import re
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from calwarden.testing.emulators.graph_grants import TokenError
from calwarden.testing.emulators.graph_http import as_json
from calwarden.testing.emulators.graph_oauth import SignIn
from calwarden.testing.emulators.listener import Answer

PATH = re.compile(r"/(?P<tenant>[\w.-]+)(?P<rest>/.*)")


def _sent(query: dict[str, str], answer: dict[str, str]) -> Answer:
    redirect = query["redirect_uri"]
    match query.get("response_mode", "query"):
        case "query":
            mark = "&" if "?" in redirect else "?"
            return 302, {"Location": f"{redirect}{mark}{urlencode(answer)}"}, b""
        case "form_post":
            fields = "".join(
                f'<input type="hidden" name="{name}" value="{html.escape(value)}">'
                for name, value in answer.items()
            )
            page = (
                f'<html><body onload="document.forms[0].submit()"><form method="POST" '
                f'action="{html.escape(redirect)}">{fields}</form></body></html>'
            )
            return 200, {"Content-Type": "text/html; charset=utf-8"}, page.encode()
        case other:
            raise TokenError("invalid_request", f"AADSTS70002: {other}", mistake=True)


class SignInPages:
    """Answers below the authority."""

    def __init__(self, sign_in: SignIn, root: str) -> None:
        self.sign_in = sign_in
        self.root = root

    def answer(self, verb: str, target: str, content: bytes) -> Answer:
        """Answer one request; raises `TokenError`."""
        parts = urlsplit(target)
        match = PATH.fullmatch(parts.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        form = dict(parse_qsl(content.decode(), keep_blank_values=True))
        tenant, rest = (match["tenant"], match["rest"]) if match else ("", "")
        match (verb, rest):
            case ("GET", "/v2.0/.well-known/openid-configuration"):
                return as_json(200, self._configuration(tenant))
            case ("GET", "/discovery/instance"):
                return as_json(200, self._instances(query))
            case ("GET", "/discovery/v2.0/keys"):
                return as_json(200, {"keys": []})
            case ("GET", "/oauth2/v2.0/authorize"):
                return _sent(query, self.sign_in.authorize(query))
            case ("POST", "/oauth2/v2.0/devicecode"):
                return as_json(200, self.sign_in.device_code(form, self.root))
            case ("POST", "/oauth2/v2.0/token"):
                endpoint = f"{self.root}{parts.path}"
                return as_json(200, self.sign_in.token(tenant, form, endpoint))
            case _:
                why = f"{verb} {parts.path}"
                raise TokenError("not_found", why, status=404, mistake=True)

    def _configuration(self, tenant: str) -> dict[str, Any]:
        base = f"{self.root}/{tenant}"
        known = tenant if tenant not in {"common", "organizations"} else "{tenantid}"
        return {
            "issuer": f"{self.root}/{known}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "response_types_supported": ["code", "id_token", "code id_token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "tenant_region_scope": None,
            "cloud_instance_name": urlsplit(self.root).netloc,
        }

    def _instances(self, query: dict[str, str]) -> dict[str, Any]:
        host = urlsplit(self.root).netloc
        where = urlsplit(query.get("authorization_endpoint", "")).path.split("/")[1:2]
        tenant = where[0] if where else "common"
        return {
            "tenant_discovery_endpoint": (
                f"{self.root}/{tenant}/v2.0/.well-known/openid-configuration"
            ),
            "api-version": "1.1",
            "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
        }
