"""The habits of servers, each as a layer of its own; see `servers.quirk_proxy`."""

import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterable
from urllib.parse import unquote

from lxml import etree

from servers.quirk_proxy import UNANSWERED, Ask, Asked, Quirk, Told

DAV, CAL = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}"
XML = "text/xml; charset=utf-8"
WRITES = {"PUT", "DELETE"}
MULTISTATUS = 207
PLACED = re.compile(rb"^UID:(.+?)\r?$", re.MULTILINE)


def rows_of(root):
    """The rows of a multistatus."""
    return root.findall(f"{DAV}response")


def path_of(row) -> str:
    """Where a row's resource stands."""
    return unquote(row.findtext(f"{DAV}href") or "")


def edited(told: Told, edit: Callable[[etree._Element], None]) -> Told:
    """An answer whose multistatus was edited."""
    if told.status != MULTISTATUS or not told.body:
        return told
    root = etree.fromstring(told.body)
    edit(root)
    return Told(status=told.status, headers=told.headers, body=etree.tostring(root))


def multistatus(*rows: str, token: str | None = None) -> Told:
    """A multistatus of our own making."""
    last = "" if token is None else f"<sync-token>{token}</sync-token>"
    body = f'<multistatus xmlns="DAV:">{"".join(rows)}{last}</multistatus>'
    return Told(status=MULTISTATUS, headers={"content-type": XML}, body=body.encode())


def row(path: str, status: str, properties: str = "") -> str:
    """A row of a multistatus: with properties, or with a status of its own."""
    if not properties:
        return f"<response><href>{path}</href><status>HTTP/1.1 {status}</status></response>"
    return (
        f"<response><href>{path}</href><propstat><prop>{properties}</prop>"
        f"<status>HTTP/1.1 {status}</status></propstat></response>"
    )


def asks_sync(asked: Asked) -> bool:
    return asked.method == "REPORT" and b"sync-collection" in asked.body


def token_in(asked: Asked) -> str:
    """The token of a sync-collection report; empty for the initial one."""
    return (etree.fromstring(asked.body).findtext(f"{DAV}sync-token") or "").strip()


def with_token(asked: Asked, token: str) -> Asked:
    """The same report with another token."""
    root = etree.fromstring(asked.body)
    root.find(f"{DAV}sync-token").text = token
    return asked.to(asked.path, etree.tostring(root))


class Ignores(Quirk):
    """Passes over conditions, as SOGo, GMX and Posteo do."""

    def __init__(self, *headers: str) -> None:
        self.headers = headers

    def answer(self, asked, ask):
        return ask(asked.without(*self.headers) if asked.method in WRITES else asked)


class NeverMatches(Quirk):
    """Finds every If-Match wrong (Zimbra)."""

    def answer(self, asked, ask):
        if asked.method in WRITES and "if-match" in asked.headers:
            return Told(status=412)
        return ask(asked)


class DemandsEtag(Quirk):
    """Refuses an update without etag (OX)."""

    def answer(self, asked, ask):
        if asked.method == "PUT" and "if-match" not in asked.headers:
            stands = ask(Asked(method="GET", path=asked.path, headers=_plain(asked)))
            if stands.status == 200:
                return Told(status=412 if "if-none-match" in asked.headers else 409)
        return ask(asked)


class Etags(Quirk):
    """Gives weak etags, or none, on reading (GET and listings) or after a PUT."""

    def __init__(self, *, read: str = "strong", put: str = "strong") -> None:
        self.kinds = {"PUT": put}
        self.read = read

    def answer(self, asked, ask):
        told = ask(asked)
        kind = self.kinds.get(asked.method, self.read)
        etag = told.headers.get("etag")
        if kind == "missing":
            told = told.lacking("etag")
        elif kind == "weak" and etag is not None:
            told = told.having(etag=f"W/{etag}")
        return told if self.read == "strong" else edited(told, self._of_rows)

    def _of_rows(self, root):
        for etag in root.iter(f"{DAV}getetag"):
            if self.read == "weak":
                etag.text = f"W/{etag.text}"
            else:
                etag.getparent().remove(etag)


class BadToken(Quirk):
    """Answers a token that it does not know with a list, with nothing, or with a bare status."""

    def __init__(self, how: str | int) -> None:
        self.how = how

    def answer(self, asked, ask):
        told = ask(asked)
        if not asks_sync(asked) or told.status < 400:
            return told
        if isinstance(self.how, int):
            return Told(status=self.how)
        whole = ask(with_token(asked, ""))
        if self.how == "listed":
            return whole
        return edited(whole, lambda root: [root.remove(each) for each in rows_of(root)])


class Truncates(Quirk):
    """Cuts listings and reports, and says so with 507; a report goes on from its token."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.waiting: dict[str, tuple[list, str]] = {}

    def answer(self, asked, ask):
        if not asks_sync(asked):
            listed = asked.method == "PROPFIND" and asked.headers.get("depth") == "1"
            told = ask(asked)
            return edited(told, lambda root: self._cut(root, asked.path)) if listed else told
        token = token_in(asked)
        if token in self.waiting:
            rows, real = self.waiting[token]
            told = multistatus(token=real)
            return edited(told, lambda root: self._page(root, rows, real, asked.path))
        told = ask(asked)

        def page(root):
            rows = rows_of(root)
            for each in rows:
                root.remove(each)
            self._page(root, rows, root.findtext(f"{DAV}sync-token"), asked.path)

        return edited(told, page)

    def _cut(self, root, path):
        rows = [each for each in rows_of(root) if path_of(each).rstrip("/") != path.rstrip("/")]
        for each in rows[self.most :]:
            root.remove(each)
        if len(rows) > self.most:
            root.append(etree.fromstring(_full(path)))

    def _page(self, root, rows, real, path):
        for each in rows[: self.most]:
            root.insert(0, each)
        rest = rows[self.most :]
        if rest:
            root.append(etree.fromstring(_full(path)))
            name = f"page-{len(self.waiting)}-{real}"
            self.waiting[name] = (rest, real)
            root.find(f"{DAV}sync-token").text = name


class CutsSilently(Quirk):
    """Leaves out the rest of a report and does not say so; it comes with the next token.

    The rest of an initial report never comes (Stalwart).
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.waiting: dict[str, tuple[list, str]] = {}

    def answer(self, asked, ask):
        if not asks_sync(asked):
            return ask(asked)
        token = token_in(asked)
        known = self.waiting.get(token)
        told = ask(asked if known is None else with_token(asked, known[1]))

        def cut(root):
            rows = (known[0] if known else []) + rows_of(root)
            for each in rows_of(root):
                root.remove(each)
            for each in rows[: self.most]:
                root.insert(0, each)
            rest = rows[self.most :]
            if rest and token:
                real = root.findtext(f"{DAV}sync-token")
                name = f"rest-{len(self.waiting)}-{real}"
                self.waiting[name] = (rest, real)
                root.find(f"{DAV}sync-token").text = name

        return edited(told, cut)


class SecondTokens(Quirk):
    """Counts changes by the second: two within one look the same (SOGo)."""

    stores = True

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.log: dict[str, int] = {}

    def answer(self, asked, ask):
        told = ask(asked)
        if asked.method in WRITES and told.status < 300:
            self.log[unquote(asked.path)] = int(self.clock())
        if not asks_sync(asked):
            return edited(told, lambda root: self._tokens(root, asked.path))
        token = token_in(asked)
        if not token:
            return edited(told, lambda root: self._tokens(root, asked.path))
        if not token.isdecimal():
            return told
        news = [
            path
            for path, second in self.log.items()
            if second > int(token) and path.startswith(unquote(asked.path))
        ]
        rows = []
        for path in news:
            stands = ask(Asked(method="GET", path=path, headers=_plain(asked)))
            etag = f"<getetag>{stands.headers.get('etag', '')}</getetag>"
            rows.append(row(path, "200 OK", etag) if stands.status == 200 else row(path, "404 No"))
        return multistatus(*rows, token=str(self._now(asked.path)))

    def _now(self, folder: str) -> int:
        seconds = [at for path, at in self.log.items() if path.startswith(unquote(folder))]
        return max(seconds, default=1_000_000_000)

    def _tokens(self, root, path):
        for token in root.iter(f"{DAV}sync-token"):
            token.text = str(self._now(path))


class Renames(Quirk):
    """Chooses the addresses of objects itself; ``unstable``: another one with every write."""

    stores = True

    def __init__(self, *, unstable: bool = False) -> None:
        self.unstable = unstable
        self.shown: dict[str, str] = {}
        self.real: dict[str, str] = {}
        self.retired: list[str] = []
        self.count = 0

    def answer(self, asked, ask):
        path = unquote(asked.path)
        if path.endswith("/"):
            body = asked.body.decode()
            for shown, real in self.real.items():
                body = body.replace(shown, real)
            told = edited(ask(asked.to(asked.path, body.encode())), self._show)
            return edited(told, self._retire) if asks_sync(asked) and token_in(asked) else told
        if asked.method != "PUT":
            real = self.real.get(path)
            return Told(status=404) if real is None else ask(asked.to(real))
        known = path in self.real
        real = self.real.get(path, path)
        told = ask(asked.to(real))
        if told.status >= 300 or (known and not (self.unstable and not asked.by_person)):
            return told
        if known:
            del self.real[path]
            self.retired.append(path)
        self.count += 1
        folder = path.rpartition("/")[0]
        name = hashlib.sha256(f"{real} {self.count}".encode()).hexdigest()[:16]
        shown = f"{folder}/{name}.ics"
        self.shown[real], self.real[shown] = shown, real
        return told.having(location=shown)

    def _retire(self, root):
        for path in self.retired if rows_of(root) else ():
            gone = row(path, "404 Not Found").replace("<response>", '<response xmlns="DAV:">')
            root.insert(0, etree.fromstring(gone))

    def _show(self, root):
        for href in root.iter(f"{DAV}href"):
            path = unquote(href.text or "")
            href.text = self.shown.get(path, path)


class OmitsRows(Quirk):
    """Leaves every second row out of a multiget, and the body out of every third."""

    def answer(self, asked, ask):
        told = ask(asked)
        if asked.method != "REPORT" or b"calendar-multiget" not in asked.body:
            return told

        def omit(root):
            for place, each in enumerate(rows_of(root)):
                if place % 2 == 0:
                    root.remove(each)
                elif place % 3 == 0:
                    data = each.find(f".//{CAL}calendar-data")
                    data.getparent().remove(data)

        return edited(told, omit)


class Rewrites(Quirk):
    """Stores another text than it was sent: drops lines, or spells them anew."""

    def __init__(self, pattern: str, instead: str | Callable[[re.Match], str] = "") -> None:
        self.pattern = re.compile(pattern, re.MULTILINE)
        self.instead = instead

    def answer(self, asked, ask):
        if asked.method != "PUT":
            return ask(asked)
        text = asked.body.decode().replace("\r\n ", "")
        return ask(asked.to(asked.path, self.pattern.sub(self.instead, text).encode()))


class UnknownPasser(Quirk):
    """Answers strangers everywhere but in calendars, and shows them nothing."""

    def answer(self, asked, ask):
        inside = asked.path.strip("/").count("/") >= 1
        if inside or "authorization" in asked.headers:
            return ask(asked)
        if asked.method != "PROPFIND":
            return Told(status=200, headers={"dav": "1, calendar-access"})
        stranger = (
            "<resourcetype><collection/></resourcetype>"
            "<current-user-principal><unauthenticated/></current-user-principal>"
        )
        return multistatus(row(asked.path, "200 OK", stranger))


class PublicPrincipal(Quirk):
    """Tells strangers where the principal and its calendars are; asks for a password there."""

    def __init__(self, user: str) -> None:
        self.user = user

    def answer(self, asked, ask):
        inside = asked.path.strip("/").count("/") >= 1 or asked.headers.get("depth") == "1"
        if inside or "authorization" in asked.headers or asked.method != "PROPFIND":
            return ask(asked)
        home = f"<C:calendar-home-set xmlns:C='{CAL[1:-1]}'><href>/{self.user}/</href>"
        known = (
            "<resourcetype><collection/></resourcetype><current-user-principal>"
            f"<href>/{self.user}/</href></current-user-principal>{home}</C:calendar-home-set>"
        )
        return multistatus(row(asked.path, "200 OK", known))


class HangsUp(Quirk):
    """Closes kept-alive connections without a word, right away or when they are used again."""

    def __init__(self, *, when_reused: bool = False) -> None:
        self.when_reused = when_reused

    def answer(self, asked, ask):
        if self.when_reused:
            return Told(status=UNANSWERED) if asked.reused else ask(asked)
        told = ask(asked)
        return Told(status=told.status, headers=told.headers, body=told.body, hangs_up=True)


class Throttles(Quirk):
    """Answers 429 for a while once ``every`` requests were answered; counts the impatient."""

    def __init__(self, seconds: int, *, every: int, status: int = 429) -> None:
        self.seconds, self.every, self.status = seconds, every, status
        self.count = 0
        self.until = 0.0
        self.impatient = 0

    def answer(self, asked, ask):
        now = time.monotonic()
        if now < self.until:
            self.impatient += 1
            return self._no(self.until - now)
        self.count += 1
        if self.count > self.every:
            self.count = 0
            self.until = now + self.seconds
            return self._no(self.seconds)
        return ask(asked)

    def _no(self, seconds: float) -> Told:
        # whole seconds, never less than what is meant
        return Told(status=self.status, headers={"retry-after": str(-int(-seconds // 1))})


class CountsUids(Quirk):
    """Knows one place for each UID of an account: refuses a second one, or moves the event."""

    stores = True

    def __init__(self, *, moves: bool) -> None:
        self.moves = moves
        self.places: dict[bytes, str] = {}

    def answer(self, asked, ask):
        if asked.method != "PUT":
            return ask(asked)
        found = PLACED.search(asked.body)
        uid = found[1] if found else b""
        known = self.places.get(uid)
        other = known is not None and known != asked.path
        if other and ask(Asked(method="GET", path=known, headers=_plain(asked))).status == 200:
            if not self.moves:
                conflict = f'<error xmlns="DAV:"><C:no-uid-conflict xmlns:C="{CAL[1:-1]}"/></error>'
                return Told(status=403, headers={"content-type": XML}, body=conflict.encode())
            ask(Asked(method="DELETE", path=known, headers=_plain(asked)))
        told = ask(asked)
        if told.status < 300:
            self.places[uid] = asked.path
        return told


class KeepsDuplicates(Quirk):
    """Stores one UID twice in a calendar (Baïkal, Davis, DAViCal, Posteo)."""

    stores = True
    mark = re.compile(rb"~again~[0-9a-f]{16}")

    def answer(self, asked, ask):
        told = ask(asked)
        if asked.method == "PUT" and told.status in {403, 409} and b"no-uid-conflict" in told.body:
            digest = hashlib.sha256(asked.path.encode()).hexdigest()[:16].encode()
            body = PLACED.sub(rb"UID:\1~again~" + digest, asked.body)
            told = ask(asked.to(asked.path, body))
        unfolded = told.body.replace(b"\r\n ", b"")
        if self.mark.search(unfolded) is None:
            return told
        return Told(status=told.status, headers=told.headers, body=self.mark.sub(b"", unfolded))


class TrashBin(Quirk):
    """Refuses the first DELETE of an object, and a new one under the UID of a deleted one."""

    def __init__(self) -> None:
        self.refused: set[str] = set()
        self.deleted: set[str] = set()

    def answer(self, asked, ask):
        if asked.method == "DELETE" and not asked.path.endswith("/"):
            if asked.path not in self.refused:
                self.refused.add(asked.path)
                return Told(status=403)
            told = ask(asked)
            if told.status < 300:
                self.deleted.add(asked.path)
                self.refused.discard(asked.path)
            return told
        if asked.method == "PUT" and asked.path in self.deleted:
            return Told(status=400)
        return ask(asked)


class Teapot(Quirk):
    """Reports what is gone with a status that nobody expects (Infomaniak)."""

    def answer(self, asked, ask):
        def pour(root):
            for each in rows_of(root):
                status = each.find(f"{DAV}status")
                if status is not None and " 404 " in f"{status.text} ":
                    status.text = "HTTP/1.1 418 I'm a teapot"

        told = ask(asked)
        return edited(told, pour) if asks_sync(asked) else told


class FindsNothing(Quirk):
    """Searches lag behind: what was written lately is not found (Purelymail)."""

    def answer(self, asked, ask):
        if asked.method == "REPORT" and b"calendar-query" in asked.body:
            return multistatus()
        return ask(asked)


class Schedules(Quirk):
    """Mails whoever is invited, and says that it does."""

    def __init__(self) -> None:
        self.mailed: list[str] = []

    def answer(self, asked, ask):
        told = ask(asked)
        if asked.method == "PUT" and b"\nATTENDEE" in asked.body:
            self.mailed.append(asked.path)
        if asked.method == "OPTIONS":
            return told.having(dav=f"{told.headers.get('dav', '1')}, calendar-auto-schedule")
        return told


class WithoutTokens(Quirk):
    """Has neither sync tokens nor, if asked, ctags."""

    def __init__(self, *, ctag: bool = True) -> None:
        self.names = {f"{DAV}sync-token"} | (set() if ctag else {_CTAG})

    def answer(self, asked, ask):
        if asks_sync(asked):
            return Told(status=403)

        def forget(root):
            for each in [one for one in root.iter() if one.tag in self.names]:
                each.getparent().remove(each)

        return edited(ask(asked), forget)


class Haunted(Quirk):
    """Holds objects that no server should have taken."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = {f"odd-{number}.ics": data for number, data in enumerate(objects.values())}

    def answer(self, asked, ask):
        name = asked.path.rpartition("/")[2]
        if name in self.objects and asked.method == "GET":
            return Told(status=200, headers={"etag": '"odd"'}, body=self.objects[name])

        def add(root):
            for each in self.objects:
                told = row(f"{asked.path}{each}", "200 OK", "<getetag>&quot;odd&quot;</getetag>")
                root.append(etree.fromstring(told.replace("<response>", '<response xmlns="DAV:">')))

        inside = asked.path.strip("/").count("/") == 1
        listed = asked.method == "PROPFIND" and asked.headers.get("depth") == "1" and inside
        return edited(ask(asked), add) if listed else ask(asked)


class CallsItself(Quirk):
    """Gives itself a name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def answer(self, asked, ask):
        return ask(asked).having(server=self.name)


class Fails(Quirk):
    """Answers some requests by a rule of the test's; the others are passed on."""

    def __init__(self, rule: Callable[[Asked], Told | None] = lambda _asked: None) -> None:
        self.rule = rule
        self.lock = threading.Lock()

    def answer(self, asked: Asked, ask: Ask) -> Told:
        with self.lock:
            told = self.rule(asked)
        return ask(asked) if told is None else told


_CTAG = "{http://calendarserver.org/ns/}getctag"


def in_utc(match: re.Match) -> str:
    """A time in its zone, spelled in UTC."""
    from datetime import UTC, datetime  # noqa: PLC0415 - only here
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - only here

    wall = datetime.strptime(match["at"], "%Y%m%dT%H%M%S").replace(tzinfo=ZoneInfo(match["zone"]))
    return f"{match['name']}:{wall.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _full(path: str) -> str:
    return row(path, "507 Insufficient Storage").replace("<response>", '<response xmlns="DAV:">')


def _plain(asked: Asked) -> dict[str, str]:
    kept: Iterable[str] = ("authorization", "x-person", "host")
    return {name: asked.headers[name] for name in kept if name in asked.headers}
