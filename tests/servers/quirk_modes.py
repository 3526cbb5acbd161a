"""The modes of the quirk proxy: each row of the table of quirks, and each quirk by itself.

``lacks`` names what a person, or a law, cannot ask of such a server; ``loses`` the managed fields
that it does not keep.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from servers import quirks
from servers.dav import USER
from servers.quirk_proxy import Quirk

MATCH, NONE_MATCH = "if-match", "if-none-match"


@dataclass(frozen=True, kw_only=True)
class Mode:
    """One kind of server. ``refuses``: it refuses a sync token that it never gave."""

    quirks: Callable[[], Sequence[Quirk]]
    lacks: frozenset[str] = frozenset()
    loses: frozenset[str] = frozenset()
    refuses: bool = True
    stable: bool = True


def _zone(text: str) -> str:
    return rf"^(?P<name>{text});TZID=(?P<zone>[^:]+):(?P<at>\d+T\d+)\r?$"


MODES: dict[str, Mode] = {
    "plain": Mode(quirks=list),
    "ignores If-Match": Mode(quirks=lambda: [quirks.Ignores(MATCH)]),
    "ignores If-None-Match": Mode(quirks=lambda: [quirks.Ignores(NONE_MATCH)]),
    "ignores both conditions": Mode(quirks=lambda: [quirks.Ignores(MATCH, NONE_MATCH)]),
    "never matches": Mode(quirks=lambda: [quirks.NeverMatches(), quirks.Ignores(NONE_MATCH)]),
    "weak etags": Mode(quirks=lambda: [quirks.Etags(read="weak", put="weak")]),
    "no etags": Mode(quirks=lambda: [quirks.Etags(read="missing", put="missing")]),
    "no etag after a write": Mode(quirks=lambda: [quirks.Etags(put="missing")]),
    "weak etag after a write": Mode(
        quirks=lambda: [quirks.Etags(put="weak"), quirks.Ignores(MATCH)]
    ),
    "bad token: full list": Mode(quirks=lambda: [quirks.BadToken("listed")], refuses=False),
    "bad token: nothing": Mode(quirks=lambda: [quirks.BadToken("passed")], refuses=False),
    "bad token: 500": Mode(quirks=lambda: [quirks.BadToken(500)]),
    "bad token: bare 403": Mode(quirks=lambda: [quirks.BadToken(403)]),
    "bad token: bare 412": Mode(quirks=lambda: [quirks.BadToken(412)]),
    "bad token: bare 400": Mode(quirks=lambda: [quirks.BadToken(400)]),
    "truncation with 507": Mode(quirks=lambda: [quirks.Truncates(2)]),
    "truncation without 507": Mode(quirks=lambda: [quirks.CutsSilently(1)]),
    "one-second tokens": Mode(quirks=lambda: [quirks.SecondTokens()], refuses=False),
    "no tokens": Mode(quirks=lambda: [quirks.WithoutTokens()]),
    "neither tokens nor ctag": Mode(quirks=lambda: [quirks.WithoutTokens(ctag=False)]),
    "renamed addresses": Mode(quirks=lambda: [quirks.Renames()]),
    "unstable addresses": Mode(quirks=lambda: [quirks.Renames(unstable=True)], stable=False),
    "omitted rows": Mode(quirks=lambda: [quirks.OmitsRows()]),
    "duplicate UIDs": Mode(quirks=lambda: [quirks.KeepsDuplicates()]),
    "UIDs refused across calendars": Mode(quirks=lambda: [quirks.CountsUids(moves=False)]),
    "UIDs moved across calendars": Mode(quirks=lambda: [quirks.CountsUids(moves=True)]),
    "drops our property": Mode(
        quirks=lambda: [quirks.Rewrites(r"^X-CALWARDEN-ID.*\n")],
        lacks=frozenset({"copy"}),
    ),
    "drops unknown properties": Mode(
        quirks=lambda: [quirks.Rewrites(r"^X-.*\n")],
        lacks=frozenset({"copy", "adorn"}),
    ),
    "drops privacy": Mode(
        quirks=lambda: [quirks.Rewrites(r"^CLASS.*\n")],
        loses=frozenset({"private"}),
        lacks=frozenset({"expose"}),
    ),
    "drops the place": Mode(
        quirks=lambda: [quirks.Rewrites(r"^LOCATION.*\n")],
        loses=frozenset({"location"}),
        lacks=frozenset({"relocate"}),
    ),
    "spells titles anew": Mode(
        quirks=lambda: [
            quirks.Rewrites(r"^SUMMARY:(.*)$", lambda match: f"SUMMARY:{match[1].upper()}")
        ],
        loses=frozenset({"title"}),
        lacks=frozenset({"retitle"}),
    ),
    "drops time zones": Mode(
        quirks=lambda: [quirks.Rewrites(_zone("DTSTART|DTEND"), quirks.in_utc)],
        loses=frozenset({"zone"}),
    ),
    "asks for a password in calendars only": Mode(quirks=lambda: [quirks.UnknownPasser()]),
    "public principals": Mode(quirks=lambda: [quirks.PublicPrincipal(USER)]),
    "hangs up": Mode(quirks=lambda: [quirks.HangsUp()]),
    "trash bin": Mode(quirks=lambda: [quirks.TrashBin()]),
    "odd status for what is gone": Mode(quirks=lambda: [quirks.Teapot()]),
    "searches lag": Mode(quirks=lambda: [quirks.FindsNothing()]),
    "schedules": Mode(quirks=lambda: [quirks.Schedules()]),
    # the rows of the table that are more than one of these
    "iCloud": Mode(
        quirks=lambda: [quirks.CountsUids(moves=False), quirks.CallsItself("AppleHttpServer")]
    ),
    "Nextcloud": Mode(quirks=lambda: [quirks.TrashBin(), quirks.CutsSilently(1)]),
    "DAViCal, Synology": Mode(
        quirks=lambda: [
            quirks.Ignores(NONE_MATCH),
            quirks.KeepsDuplicates(),
            quirks.BadToken("listed"),
        ],
        refuses=False,
    ),
    "SOGo": Mode(
        quirks=lambda: [quirks.Ignores(MATCH, NONE_MATCH), quirks.SecondTokens()], refuses=False
    ),
    "Baikal, Davis": Mode(quirks=lambda: [quirks.KeepsDuplicates(), quirks.CutsSilently(1)]),
    "Zimbra": Mode(
        quirks=lambda: [
            quirks.NeverMatches(),
            quirks.Ignores(NONE_MATCH),
            quirks.CountsUids(moves=True),
        ]
    ),
    "GMX": Mode(
        quirks=lambda: [
            quirks.Ignores(MATCH),
            quirks.Etags(put="weak"),
            quirks.WithoutTokens(),
        ]
    ),
    "Posteo": Mode(
        quirks=lambda: [quirks.Ignores(MATCH), quirks.KeepsDuplicates(), quirks.WithoutTokens()]
    ),
    "OX": Mode(
        quirks=lambda: [
            quirks.DemandsEtag(),
            quirks.BadToken("listed"),
            quirks.Renames(unstable=True),
        ],
        refuses=False,
        stable=False,
    ),
    "Stalwart": Mode(
        quirks=lambda: [quirks.BadToken("listed"), quirks.CutsSilently(1)], refuses=False
    ),
    "Purelymail": Mode(
        quirks=lambda: [quirks.BadToken("listed"), quirks.FindsNothing()], refuses=False
    ),
    "Infomaniak": Mode(quirks=lambda: [quirks.Teapot()]),
    "Yahoo": Mode(
        quirks=lambda: [
            quirks.WithoutTokens(),
            quirks.Rewrites(_zone("DTSTART|DTEND"), quirks.in_utc),
        ],
        loses=frozenset({"zone"}),
    ),
}
