"""The pages and endpoints of sign-in: discovery, consent, device codes, tokens."""

import html
import re
from urllib.parse import parse_qsl, urlencode, urlsplit

from emulators.graph_grants import TokenError
from emulators.graph_http import Answer, as_json
from emulators.graph_oauth import SignIn

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
    raise TokenError("invalid_request", "AADSTS70002: response_mode", mistake=True)


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
                return as_json(200, self.sign_in.configuration(self.root, tenant))
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
        raise TokenError("not_found", f"{verb} {parts.path}", status=404, mistake=True)

    def _instances(self, query: dict[str, str]) -> dict[str, object]:
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
