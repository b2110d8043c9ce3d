"""The review list as one page with pictures, for people. It needs no network and runs no script."""

import base64
from html import escape
from pathlib import Path
from typing import Final

import cv2
import pandas as pd

from data.errors import DataError
from data.images import decode_photo
from data.photos import read_photo
from data.review import FINDINGS

_THUMBNAIL_PX: Final = 176
_QUALITY: Final = 80

_STYLE: Final = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem;
       color: #1c2430; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p.note { color: #566; max-width: 46rem; }
article { display: flex; gap: 1rem; padding: .8rem 0; border-top: 1px solid #dde2e8; }
figure { margin: 0; width: 11rem; flex: none; }
figure img, figure .none { width: 11rem; height: 11rem; object-fit: contain; background: #eef1f4; }
figure .none { display: grid; place-items: center; color: #566; }
figcaption { font-size: .8rem; overflow-wrap: anywhere; }
.what { flex: 1; min-width: 0; } .score { font-variant-numeric: tabular-nums; color: #566; }
.decision { font-weight: 600; } code { background: #eef1f4; padding: .1em .3em; }
"""
_TITLES: Final = {
    "duplicate_across_splits": "One photo in two splits",
    "same_photo_two_people": "One photo under two names",
    "near_duplicate": "One photo twice under one name",
    "suspected_wrong_label": "Perhaps the wrong name",
    "attribute_disagreement": "Labels that contradict each other",
}
_NOTE: Final = (
    "Nothing here has been changed or dropped. Write a decision for an image into the file named by"
    " <code>curate.review.decisions</code> (columns <code>image_id, decision, new_subject_id,"
    " reviewer, reason</code>; decisions <code>keep</code>, <code>exclude</code>,"
    " <code>relabel</code>) and run <code>dvc repro</code>. Labels guessed by a model serve to"
    " audit error rates and never decide about a student."
)


def review_page(findings: pd.DataFrame, table: pd.DataFrame, photos: Path, limit: int) -> str:
    """HTML of the review list with at most `limit` findings shown, the strongest of each kind."""
    people = table.set_index("image_id")[["path", "subject_id"]]
    shown = _strongest(findings, limit)
    sections = [
        _section(name, shown[shown["finding"] == name], findings, people, photos)
        for name in FINDINGS
        if (findings["finding"] == name).any()
    ]
    body = "".join(sections) or "<p>Nothing was found.</p>"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Review list</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><h1>Review list: {len(findings)} findings, "
        f"{int(findings['decision'].isna().sum())} open</h1>"
        f'<p class="note">{_NOTE}</p>{body}</body></html>\n'
    )


def _strongest(findings: pd.DataFrame, limit: int) -> pd.DataFrame:
    """Open findings first, then the strongest of each kind in turn, in the order of the list."""
    order = findings.assign(is_decided=findings["decision"].notna())
    order = order.sort_values("is_decided", kind="stable")
    turn = order.groupby("finding").cumcount()
    chosen = turn.sort_values(kind="stable").index[:limit]
    return findings.loc[chosen.sort_values()]


def _section(
    name: str, shown: pd.DataFrame, findings: pd.DataFrame, people: pd.DataFrame, photos: Path
) -> str:
    total = int((findings["finding"] == name).sum())
    rows = "".join(_article(row, people, photos) for _, row in shown.iterrows())
    return f"<h2>{_TITLES[name]}: {len(shown)} of {total}</h2>{rows}"


def _article(row: pd.Series, people: pd.DataFrame, photos: Path) -> str:
    other = row["other_image_id"]
    figures = _figure(row["image_id"], people, photos)
    if isinstance(other, str):
        figures += _figure(other, people, photos)
    decision = row["decision"] if isinstance(row["decision"], str) else "open"
    return (
        f'<article>{figures}<div class="what"><div>{escape(row["detail"])}</div>'
        f'<div class="score">score {row["score"]:.3f}</div>'
        f'<div class="decision">{escape(decision)}</div></div></article>'
    )


def _figure(image_id: str, people: pd.DataFrame, photos: Path) -> str:
    path, subject = (str(people.at[image_id, column]) for column in ("path", "subject_id"))
    return (
        f"<figure>{_picture(photos, path, image_id)}<figcaption>{escape(image_id)}<br>"
        f"{escape(subject)}</figcaption></figure>"
    )


def _picture(photos: Path, path: str, image_id: str) -> str:
    try:
        image = decode_photo(read_photo(photos, path), side_px=_THUMBNAIL_PX).image_rgb_u8
    except DataError:  # a photo that cannot be shown is still a finding
        return '<div class="none">no picture</div>'
    scale = min(1.0, _THUMBNAIL_PX / max(image.shape[:2]))
    size = tuple(max(1, round(side * scale)) for side in (image.shape[1], image.shape[0]))
    small = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), size, interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    content = base64.b64encode(encoded.tobytes()).decode("ascii")
    return f'<img alt="{escape(image_id, quote=True)}" src="data:image/jpeg;base64,{content}">'
