-- One row per claim file: receipts, those whose visit days differ from 診療実日数, and what GO declares.
with
    days as (
        select file_id, receipt_id, count(distinct visited_on) as visit_days
        from landing.uke_visit_days
        group by file_id, receipt_id
    ),
    receipts as (
        select
            receipts.file_id,
            count(*) as receipts,
            count(case when receipts.actual_days <> coalesce(days.visit_days, 0) then 1 end) as receipts_with_other_days
        from landing.uke_receipts as receipts
        left join days on days.file_id = receipts.file_id and days.receipt_id = receipts.receipt_id
        where not receipts.is_returned
        group by receipts.file_id
    )
select
    substr(receipts.file_id, 1, 8) as file,
    receipts.receipts,
    receipts.receipts_with_other_days,
    totals.declared_receipts,
    totals.counted_receipts
from receipts
inner join landing.uke_totals as totals on totals.file_id = receipts.file_id
