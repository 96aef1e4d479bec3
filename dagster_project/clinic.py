"""`clinic.yaml`: what one clinic is, and how its exports are to be read.

The file is the only place where a clinic's dialect is written down: encodings,
headers, delimiters, which file is what. Nothing about a clinic is in code.
"""

import re
from datetime import date, datetime, time
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import jpholiday
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from dagster_project.settings import TOKYO

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Screening = Literal["breast", "cervical", "colorectal", "lung", "gastric", "specific_checkup"]
FeedName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
MORNING = time(7, 30)  # in Asia/Tokyo: the night is published, and somebody reads its sheet
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class ClinicError(Exception):
    """A clinic.yaml that cannot be used; the message names the file, the key and what to do."""


def _text_keys(value: object) -> object:
    return {str(key): each for key, each in value.items()} if isinstance(value, dict) else value


class Part(BaseModel):
    """Base of every section: unknown keys are errors, nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(Part):
    """Where one landing column comes from: a header, four wareki headers, or a constant."""

    header: list[str] = []
    wareki: list[str] | None = Field(None, min_length=4, max_length=4)
    const: str | bool | None = None
    values: Annotated[dict[str, str | bool | None], BeforeValidator(_text_keys)] | None = None
    others: Literal["error", "drop", "keep"] = "error"
    split: str | None = None

    @field_validator("header", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value


class Measure(Part):
    """One column of a wide check-up file: each non-empty cell becomes an observation.

    `values` are the numbers that answers in words stand for; any other cell is taken as it is.
    """

    header: str
    item: str
    unit: str | None = None
    values: Annotated[dict[str, float], BeforeValidator(_text_keys)] = {}


class Record(Part):
    """What one row of a file becomes: a record of a landing dataset."""

    dataset: str
    columns: dict[str, Column]
    measures: list[Measure] = []
    where: dict[str, list[str]] = {}

    @field_validator("columns", mode="before")
    @classmethod
    def _short_forms(cls, value: object) -> object:
        """Let a header, or a list of alternative headers, stand for a whole column."""
        if not isinstance(value, dict):
            return value
        short = (str, list)
        return {k: {"header": v} if isinstance(v, short) else v for k, v in value.items()}


class Feed(Part):
    """One kind of file the clinic exports."""

    files: str
    format: Literal["csv", "uke"]
    mode: Literal["full", "delta"]
    encoding: Literal["cp932", "utf-8", "utf-8-sig"] = "cp932"
    delimiter: str = ","
    quoting: Literal["minimal", "none"] = "minimal"
    footer: list[str] = []
    required: bool = False
    max_age_open_days: int | None = None
    ignore: list[str] = []
    records: list[Record] = []

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Return the file name pattern; {date} and {month} become named groups."""
        text = re.escape(self.files)
        text = text.replace(r"\{date\}", r"(?P<date>\d{8})").replace(
            r"\{month\}", r"(?P<month>\d{6})"
        )
        return re.compile(text.replace(r"\*", ".*"))


class Line(Part):
    """The clinic's LINE official account. Secrets are never here."""

    channel: str
    plan: str = "light"
    monthly_limit: int | None = 5000


class Calendar(Part):
    """When the clinic is closed."""

    closed_weekdays: list[Weekday] = []
    closed_on_holidays: bool = True
    closed_days: list[date] = []

    def is_open(self, day: date) -> bool:
        """Return whether the clinic is open; Japanese holidays come from jpholiday."""
        if WEEKDAYS[day.weekday()] in self.closed_weekdays or day in self.closed_days:
            return False
        return not (self.closed_on_holidays and jpholiday.is_holiday(day))


class SendWindow(Part):
    """The hours, in Asia/Tokyo, in which a patient may be written to."""

    opens: time = time(10)
    closes: time = time(18)

    def holds(self, moment: datetime) -> bool:
        """Return whether an instant lies in these hours in Japan."""
        return self.opens <= moment.astimezone(TOKYO).time() < self.closes


class Contact(Part):
    """How many messages one LINE account may get, across all campaigns."""

    max_messages_a_day: int = Field(default=1, ge=1, le=2)  # the gate lets no third one through
    max_messages_a_month: int = Field(default=4, ge=1)


class Limits(Part):
    """How far an export may differ from the one before; how much evidence a diagnosis needs."""

    max_shrink: float = Field(default=0.3, ge=0, le=1)
    max_bad_rows: int = Field(default=0, ge=0)
    min_confirm_months: int = Field(default=2, ge=1)


class Retention(Part):
    """For how many days what is kept of people is kept; docs/operations.md says why."""

    free_text_days: int = Field(default=365, ge=1)
    message_body_days: int = Field(default=365, ge=1)
    unused_code_days: int = Field(default=30, ge=1)
    # Longer than LINE may deliver an event again, and than anybody is still told of an alert.
    empty_event_days: int = Field(default=365, ge=30)
    alert_days: int = Field(default=365, ge=30)
    audit_days: int = Field(default=1826, ge=365)


class Linking(Part):
    """Ways to link an account beside the code of the reception; each is off unless declared."""

    chart_number: bool = False
    login_url: str | None = Field(default=None, pattern=r"^https://")


# An account, or a group that the clinic's account was invited to.
StaffAccount = Annotated[str, Field(pattern=r"^[UC][0-9a-f]{32}$")]


class Alerts(Part):
    """Where staff are told at once. A webhook's token and a mail server are never here."""

    webhook: str | None = Field(default=None, pattern=r"^https?://")
    mail: str | None = Field(default=None, pattern=r"^[^@\s]+@[^@\s]+$")
    line: list[StaffAccount] = []  # by the clinic's own channel; each message counts in the month


class Clinic(Part):
    """One clinic: a folder of exports, a partition, a warehouse, a LINE channel."""

    clinic_id: str = Field(pattern=r"^[a-z][a-z0-9_]{1,30}$")
    name: str
    phone: str | None = Field(None, pattern=r"^[0-9+()\- ]{8,20}$")  # told in an emergency
    medical_institution_code: str | None = Field(None, pattern=r"^\d{7}$")
    line: Line
    calendar: Calendar = Calendar()
    send_window: SendWindow = SendWindow()
    contact: Contact = Contact()
    limits: Limits = Limits()
    retention: Retention = Retention()
    linking: Linking = Linking()
    alerts: Alerts = Alerts()
    departments: dict[str, str] = {}
    default_department: str | None = None
    voice_readers: list[str] = []  # who may read what patients write in their own words
    screenings: list[Screening] = []  # those its exports tell of: silence then means not done here
    feeds: dict[FeedName, Feed]

    def may_send_at(self, moment: datetime) -> bool:
        """Return whether an instant lies in the send window of a day that is open in Japan."""
        is_open = self.calendar.is_open(moment.astimezone(TOKYO).date())
        return is_open and self.send_window.holds(moment)


def clinic_ids(exports_dir: Path) -> list[str]:
    """Return the folders that say they are a clinic, by name, without reading what they say."""
    return sorted(path.parent.name for path in exports_dir.glob("*/clinic.yaml"))


def clinic_in(exports_dir: Path, clinic_id: str) -> Clinic:
    """Return the clinic of a folder under exports. Raises ClinicError with what to mend."""
    return load_clinic(exports_dir / clinic_id / "clinic.yaml")


def load_clinic(path: Path) -> Clinic:
    """Return the clinic a clinic.yaml describes, or raise ClinicError with what to mend."""
    try:
        clinic = Clinic.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise ClinicError(f"{path}: cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise ClinicError(f"{path}: not YAML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise ClinicError(f"{path}: {key}: {first['msg']}{more}") from error
    if clinic.clinic_id != path.parent.name:
        raise ClinicError(
            f"{path}: clinic_id is {clinic.clinic_id!r}, expected the folder's name"
            f" {path.parent.name!r}"
        )
    return clinic
