"""The file a record is of, by the name it came under: SQL for whoever shows where one stands."""


def named(row: str) -> str:
    """Return the file's name, or the start of its hash where it came under none."""
    return f"coalesce(f.name, substr({row}.file_id, 1, 8))"


def files_of(row: str) -> str:
    """Return the join that `named` reads."""
    files = "select file_id, min(name) as name from meta.source_files group by file_id"
    return f" left join ({files}) f on f.file_id = {row}.file_id"
