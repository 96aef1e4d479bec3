"""The landing contract: which datasets exist, and the name and type of every column.

Whatever format an export has, its records land in these shapes. The same schemas
type the views that dbt reads, so a clinic without some feed still has an empty,
typed table there.
"""

import pyarrow as pa

TEXT = pa.string()
DAY = pa.date32()
FLAG = pa.bool_()
COUNT = pa.int64()


def _dataset(**columns: pa.DataType) -> pa.Schema:
    return pa.schema({**columns, "file_id": TEXT, "line_no": COUNT})


DATASETS: dict[str, pa.Schema] = {
    "patients": _dataset(
        patient_no=TEXT,
        sex=TEXT,  # male | female | unknown (FHIR administrative-gender)
        birth_date=DAY,
        is_test=FLAG,
        is_deceased=FLAG,
        deceased_on=DAY,
        last_visit_on=DAY,
        care_status=TEXT,  # active | moved | referred
    ),
    "visits": _dataset(
        patient_no=TEXT,
        visited_on=DAY,
        department=TEXT,  # the clinic's own name for it; clinic.yaml maps it to 診療科コード
        status=TEXT,  # completed | cancelled
    ),
    "appointments": _dataset(
        patient_no=TEXT,
        scheduled_on=DAY,
        department=TEXT,
        status=TEXT,  # booked | cancelled | done
    ),
    "conditions": _dataset(
        patient_no=TEXT,
        code=TEXT,
        code_system=TEXT,  # mhlw (傷病名コード) | icd10
        started_on=DAY,
        ended_on=DAY,
        outcome=TEXT,  # continued | cured | died | stopped
        recorded_on=DAY,
        is_suspected=FLAG,
    ),
    "observations": _dataset(
        patient_no=TEXT,
        observed_on=DAY,
        item=TEXT,
        value=TEXT,
        unit=TEXT,
    ),
    "immunizations": _dataset(
        patient_no=TEXT,
        vaccine=TEXT,
        given_on=DAY,
        dose_no=TEXT,
        status=TEXT,  # completed | not_done
    ),
    "line_links": _dataset(
        line_user_id=TEXT,
        patient_no=TEXT,
        relation=TEXT,  # self | parent | spouse | child | other
        linked_on=DAY,
        friend_status=TEXT,  # following | blocked
        consent_purposes=TEXT,  # joined with "|": visit, checkup, vaccine, lifestyle, survey
        consented_on=DAY,
        consent_version=TEXT,
    ),
    # Two charts of one person made one; the links of the first go on with the second.
    "patient_merges": _dataset(
        patient_no=TEXT,
        into_patient_no=TEXT,
        merged_on=DAY,
    ),
    # UKE (レセプト電算): one dataset per idea; receipt_id is the running RE number in the file.
    "uke_receipts": _dataset(
        receipt_id=COUNT,
        facility_code=TEXT,
        points_table=TEXT,
        payer=TEXT,
        claimed_month=DAY,  # 請求年月, first day
        service_month=DAY,  # 診療年月, first day
        receipt_kind=TEXT,  # レセプト種別, 4 digits
        is_inpatient=FLAG,
        patient_no=TEXT,  # カルテ番号等
        sex=TEXT,
        birth_date=DAY,
        insurer_no=TEXT,  # 保険者番号, else the first 公費負担者番号
        department_code=TEXT,
        actual_days=COUNT,  # 診療実日数
        total_points=COUNT,
        is_returned=FLAG,  # 返戻 (.HEN)
    ),
    "uke_visit_days": _dataset(receipt_id=COUNT, visited_on=DAY, record=TEXT),  # JD | SI | IY | TO
    "uke_conditions": _dataset(
        receipt_id=COUNT,
        code=TEXT,  # 傷病名コード, 7 digits
        modifiers=TEXT,  # 修飾語コード, 4 digits each, joined
        started_on=DAY,
        outcome=TEXT,  # continued | cured | died | stopped
        is_main=FLAG,
    ),
    "uke_acts": _dataset(
        receipt_id=COUNT,
        record=TEXT,  # SI | IY | TO
        code=TEXT,
        performed_on=DAY,
        occurrences=COUNT,
    ),
    "uke_totals": _dataset(declared_receipts=COUNT, counted_receipts=COUNT, declared_points=COUNT),
}

# What a mapping must give for a dataset; without these a row says nothing.
REQUIRED: dict[str, tuple[str, ...]] = {
    "patients": ("patient_no",),
    "visits": ("patient_no", "visited_on"),
    "appointments": ("patient_no", "scheduled_on"),
    "conditions": ("patient_no", "code"),
    "observations": ("patient_no", "observed_on", "item", "value"),
    "immunizations": ("patient_no", "vaccine", "given_on"),
    "line_links": ("line_user_id", "patient_no"),
}

# A row without one of these belongs to nobody: a bad row.
NEVER_BLANK = frozenset({"patient_no", "line_user_id"})

# The only values a coded column may hold, so that no local wording reaches SQL.
CODES: dict[tuple[str, str], tuple[str, ...]] = {
    ("patients", "sex"): ("male", "female", "unknown"),
    ("patients", "care_status"): ("active", "moved", "referred"),
    ("visits", "status"): ("completed", "cancelled"),
    ("appointments", "status"): ("booked", "cancelled", "done"),
    ("conditions", "code_system"): ("mhlw", "icd10"),
    ("conditions", "outcome"): ("continued", "cured", "died", "stopped"),
    ("immunizations", "status"): ("completed", "not_done"),
    ("line_links", "relation"): ("self", "parent", "spouse", "child", "other"),
    ("line_links", "friend_status"): ("following", "blocked"),
    ("line_links", "consent_purposes"): ("visit", "checkup", "vaccine", "lifestyle", "survey"),
}
JOINED = frozenset({("line_links", "consent_purposes")})  # several codes, joined with "|"

# Lists of who there is. A newer one replaces the older ones whatever month is in its name: else
# a patient who left, or a link that was cut, would live on in last month's.
ROSTERS = frozenset({"patients", "line_links"})

FILES = pa.schema(
    {
        "sighting_id": TEXT,
        "file_id": TEXT,
        "clinic_id": TEXT,
        "feed": TEXT,
        "format": TEXT,
        "mode": TEXT,
        "period": TEXT,  # of a full dump: the YYYYMM it replaces; blank: all that the feed holds
        "name": TEXT,
        "arrival": COUNT,  # in which order a clinic's files were met
        "exported_on": DAY,
        "first_seen_as_of": DAY,
        "known_on": DAY,  # the business day it was read as it stands; older rows: when first seen
        "encoding": TEXT,
        "bytes": COUNT,
        "rows": COUNT,
        "bad_rows": COUNT,
        "status": TEXT,  # landed | quarantined
        "error_line": COUNT,
        "error_column": TEXT,
        "error_found": TEXT,
        "error_expected": TEXT,
        "error": TEXT,
    }
)
