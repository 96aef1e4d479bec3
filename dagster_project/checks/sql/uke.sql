-- One row per GO of a claim file: receipts, those with other visit days than 診療実日数, those that
-- name no patient, and what GO declares.
with
    landed as (
        select distinct file_id
        from landing.files
        where status = 'landed' and exported_on <= (select as_of from meta.build)
    ),
    days as (
        select file_id, receipt_id, count(distinct visited_on) as visit_days
        from landing.uke_visit_days
        group by file_id, receipt_id
    ),
    receipts as (
        select
            receipts.file_id,
            count(*) as receipts,
            count(case when receipts.actual_days <> coalesce(days.visit_days, 0) then 1 end) as receipts_with_other_days,
            count(case when receipts.patient_no is null then 1 end) as receipts_without_patient
        from landing.uke_receipts as receipts
        left join days on days.file_id = receipts.file_id and days.receipt_id = receipts.receipt_id
        group by receipts.file_id
    ),
    returned as (select distinct file_id from landing.uke_receipts where is_returned)
select
    substr(totals.file_id, 1, 8) as file,
    coalesce(receipts.receipts, 0) as receipts,
    coalesce(receipts.receipts_with_other_days, 0) as receipts_with_other_days,
    coalesce(receipts.receipts_without_patient, 0) as receipts_without_patient,
    totals.declared_receipts,
    totals.counted_receipts
from landing.uke_totals as totals
inner join landed on landed.file_id = totals.file_id
left join receipts on receipts.file_id = totals.file_id
where totals.file_id not in (select file_id from returned)
