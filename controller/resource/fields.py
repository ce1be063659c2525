"""The field types of the resources: what a name, a version, a decimal or a schedule may look like, each said once.

Pydantic reads these annotations at the edge (`codec.py`); inside they are plain `str`, `int` and `Decimal`.
No floats anywhere: 0.1 does not survive them, and the Kubernetes API conventions forbid them in a spec.
"""

import difflib
import re
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Annotated

import semver
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from controller.metrics import metric, metric_names
from controller.schedule import check_cron, check_time_zone

LONGEST_NAME = 50  # KServe appends "-predictor" and still needs a DNS label of at most 63 characters
MOST_CONFIDENT = Decimal("0.9999")
_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_QUANTITY = re.compile(r"[0-9]+(\.[0-9]+)?(m|[kMGT]i?)?")


def dns_label(text: str) -> str:
    """Names become DNS labels of Services: lower case, digits, dashes, at most 50 characters."""
    if len(text) > LONGEST_NAME:
        raise ValueError(f"has {len(text)} characters; at most {LONGEST_NAME} fit into the names derived from it")
    if not _DNS_LABEL.fullmatch(text):
        raise ValueError(f"{text!r} is no DNS label: lower-case letters, digits and inner dashes only")
    return text


@lru_cache(maxsize=1024)  # the same few versions in every round
def precedence(text: str) -> semver.Version:
    """A version as SemVer orders it."""
    return semver.Version.parse(text)


def _semantic_version(text: str) -> str:
    if not semver.Version.is_valid(text):
        raise ValueError(f"{text!r} is not SemVer 2.0; write MAJOR.MINOR.PATCH such as 1.4.0 or 1.4.0-rc.1")
    return text


def _decimal(value: object) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if not isinstance(value, str):
        raise ValueError(f'must be a decimal in quotes, such as "{value}": floats lose digits')  # noqa: TRY004 - pydantic collects ValueError
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or len(value) > 20:  # noqa: PLR2004 - more digits than any metric has
        raise ValueError(f"{value!r} is no decimal number of at most 20 characters")
    return number


def _confidence(number: Decimal) -> Decimal:
    if not 0 <= number <= MOST_CONFIDENT:
        raise ValueError(f'{number} is no confidence: from "0" (none) to "{MOST_CONFIDENT}"')
    return number


def _digest(text: str) -> str:
    if not _DIGEST.fullmatch(text):
        raise ValueError(f"{text!r} is no digest; it looks like sha256: and 64 hexadecimal digits")
    return text


# A query of the policy's own: the catalogue does not know it, the analysis that names it does.
QUERY = "query/"
_QUERY_METRIC = re.compile(rf"{QUERY}[-a-z0-9]{{1,40}}")


def _metric_name(text: str) -> str:
    if metric(text) is None and not _QUERY_METRIC.fullmatch(text):
        names = metric_names()
        close = difflib.get_close_matches(text, names, n=1)
        meant = f"did you mean {close[0]}?" if close else f"known are {', '.join(names)}"
        raise ValueError(f"unknown gate {text!r}; {meant}")
    return text


def _quantity(text: str) -> str:
    if not _QUANTITY.fullmatch(text):
        raise ValueError(f"{text!r} is no Kubernetes quantity such as 500m or 1Gi")
    return text


DnsLabel = Annotated[str, AfterValidator(dns_label)]
SemVer = Annotated[str, Field(max_length=64), AfterValidator(_semantic_version)]
DecimalText = Annotated[Decimal, BeforeValidator(_decimal), WithJsonSchema({"type": "string"})]
Confidence = Annotated[DecimalText, AfterValidator(_confidence)]
Measured = Annotated[Decimal, Field(allow_inf_nan=True)]  # what a metrics source said, NaN included
Digest = Annotated[str, AfterValidator(_digest)]
MetricName = Annotated[str, AfterValidator(_metric_name)]
QueryName = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$")]
Quantity = Annotated[str, AfterValidator(_quantity)]
Cron = Annotated[str, AfterValidator(check_cron)]
TimeZone = Annotated[str, AfterValidator(check_time_zone)]
Weight = Annotated[int, Field(ge=1, le=100)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Seconds = Annotated[int, Field(ge=0, le=31_536_000)]  # a year: whatever is longer is a mistake in the unit
Duration = Annotated[int, Field(ge=1, le=31_536_000)]
ShortText = Annotated[str, Field(min_length=1, max_length=256)]
LongText = Annotated[str, Field(max_length=1024)]
