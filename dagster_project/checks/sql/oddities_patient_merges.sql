-- What is odd in the patient_merges of these files, counted.
select
    0 as conflicting_numbers,
    count(case when data.merged_on > files.exported_on then 1 end) as future_dates,
    0 as unknown_departments,
    count(case when data.patient_no like '%■%' or data.patient_no like '%' || chr(65533) || '%' then 1 end) as replaced_characters,
    0 as blank_keys,
    0 as unlikely_values
from landing.patient_merges as data
inner join (
    select file_id, max(exported_on) as exported_on from landing.files
    where status = 'landed' and file_id in (select unnest($files)) group by file_id
) as files on files.file_id = data.file_id
