"""What clinics write for a chronic disease, and what merely resembles it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Disease:
    """傷病名コード that mean it and that do not, and a fee or a drug that names it ("": none)."""

    tag: str
    codes: tuple[str, ...]
    others: tuple[str, ...]
    fee: str = ""
    drug: str = ""


LIFESTYLE = (
    Disease(
        "hypertension", ("8833421", "8840107"), ("8838825", "8842530"), "113041810", "622143501"
    ),
    Disease(
        "diabetes",
        ("2500013", "2500015", "2500014"),
        ("2500031", "6489003"),
        "113041910",
        "621986001",
    ),
    Disease(
        "dyslipidemia", ("8844446", "2724007", "2720004"), ("8842204",), "113041710", "610443013"
    ),
)
OTHERS = (
    Disease("chronic_kidney_disease", ("8844106", "5859002", "8847579"), ("5849003", "8835642")),
    Disease("asthma", ("4939008", "8846176", "4939010"), ("4660009",)),
    Disease("copd", ("8840399", "8849097"), ("4920017",)),
    Disease("gout", ("2749004", "7906015", "7906033"), ("8832761", "7906024"), drug="610463076"),
    Disease("atrial_fibrillation", ("4273006", "8846942", "8846694"), ("4276009", "4276006")),
    Disease("ischemic_heart_disease", ("4139007", "4149007", "8837807"), ("7865004",)),
    Disease("heart_failure", ("4289015", "4289018", "8830796"), ("4254008", "4293015")),
    Disease("stroke", ("8838708", "4319020", "4369009", "4389014"), ("8838749", "4359007")),
    Disease("osteoporosis", ("7330006", "7330028", "8844209"), ("2682002",)),
    Disease("hay_fever", ("4770002", "4779004", "8848069"), ("8833084",)),
    Disease("glaucoma", ("3659003", "3651011", "3652006"), ("3650005", "8850670")),
)
EACH = 2


def diseases_of(number: int) -> tuple[Disease, ...]:
    """Return the diseases a patient may have: the three of every clinic, and two of the others."""
    place = number * EACH
    return (*LIFESTYLE, *(OTHERS[(place + n) % len(OTHERS)] for n in range(EACH)))


def rarer(turn: int) -> Disease:
    """Return one disease after the other, of those that not everybody may have."""
    return OTHERS[turn % len(OTHERS)]
