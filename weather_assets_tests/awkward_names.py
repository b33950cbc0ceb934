"""Names of folders that libraries misread: as escapes, queries, patterns, options or code.

Belongs here: the names alone. Does not belong here: what is done in such a folder.
"""

AWKWARD_NAMES = (
    "a%20b",
    "feature%2Frain",
    "100%",
    "a?b",
    "a#b",
    "a b",
    "it's",
    'say "rain"',
    "[a-z]*",
    "{x,y}",
    "a:b",
    "a;b",
    "a&b=c",
    "$HOME",
    "`id`",
    "~",
    "-v",
    "a\\b",
    "a|b<c>d",
    "Wetter für Zürich",
    "天气",
    "year=2024",
    "a@b!c,d+e(f)^",
    "two\nlines",
)
ALL_OF_THEM = "%20 ?#[a]*{x,y}'\"`:;&=$~\\|<>!@+,()^天 ü"
"""Every character of them in one name."""
