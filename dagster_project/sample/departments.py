"""The departments the invented clinics write down, and what a visit there makes true."""

from dagster_project.sample.person import Person

# As a clinic writes it, and the groups it stands for; clinic.yaml has the 診療科コード of each.
DEPARTMENTS: dict[str, tuple[str, ...]] = {
    "内科": ("internal_medicine",),
    "小児科": ("pediatrics",),
    "整形外科": ("orthopedics",),
    "皮膚科": ("dermatology",),
    "婦人科": ("gynecology",),
    "耳鼻咽喉科": ("otolaryngology",),
    # From here on one after the other; every third is one that children visit too.
    "眼科": ("ophthalmology",),
    "精神科": ("psychiatry",),
    "放射線科": ("radiology",),
    "アレルギー科": ("internal_medicine", "allergy"),
    "神経内科": ("internal_medicine", "neurology"),
    "呼吸器内科": ("internal_medicine", "respiratory_medicine"),
    "小児外科": ("surgery", "pediatrics"),
    "消化器内科": ("internal_medicine", "gastroenterology"),
    "胃腸科": ("internal_medicine", "gastroenterology"),
    "皮膚泌尿器科": ("dermatology", "urology"),
    "循環器内科": ("internal_medicine", "cardiology"),
    "美容外科": ("plastic_surgery",),
    "救急科": ("emergency",),
    "脳神経外科": ("neurosurgery",),
    "呼吸器外科": ("surgery", "respiratory_medicine"),
    "形成外科": ("plastic_surgery",),
    "心臓血管外科": ("surgery", "cardiology"),
    "泌尿器科": ("urology",),
    "リハビリテーション科": ("orthopedics", "rehabilitation"),
    "性病科": ("urology",),
    "肛門科": ("proctology",),
    "気管食道科": ("otolaryngology",),
    "産婦人科": ("gynecology",),
    "産科": ("gynecology",),
    "外科": ("surgery",),
    "麻酔科": ("anesthesiology",),
    "リウマチ科": ("internal_medicine", "rheumatology"),
    "心療内科": ("psychiatry",),
    "臨床検査科": ("laboratory",),
    "病理診断科": ("laboratory",),
    "神経科": ("psychiatry",),
}
COMMON = 6
RARE = tuple(DEPARTMENTS)[COMMON:]
FOR_CHILDREN = ("小児科", "小児科", "皮膚科", "耳鼻咽喉科")
FOR_ADULTS = ("内科", "整形外科", "皮膚科", "耳鼻咽喉科")
WOMENS = ("婦人科", "産婦人科", "産科")
GROUPS = tuple(dict.fromkeys(group for groups in DEPARTMENTS.values() for group in groups))


def departments_of(person: Person, *, is_adult: bool) -> list[str]:
    """Return where a person may have been: one in four the common ones, the rest a rare one."""
    if person.number % 4 < 3:
        rare = RARE[person.number // 4 % len(RARE)]
        return ["泌尿器科" if rare in WOMENS and person.sex != "female" else rare]
    if not is_adult:
        return list(FOR_CHILDREN)
    return [*FOR_ADULTS, "婦人科"] if person.sex == "female" else list(FOR_ADULTS)
