-- What is odd in the appointments of these files, counted.
select
    0 as conflicting_numbers,
    0 as future_dates,
    count(case when data.department is not null and data.department not in (select local_name from clinic.departments) then 1 end) as unknown_departments,
    count(case when data.patient_no like '%■%' or data.patient_no like '%' || chr(65533) || '%' then 1 end) as replaced_characters,
    count(case when data.scheduled_on is null then 1 end) as blank_keys,
    0 as unlikely_values
from landing.appointments as data
inner join (
    select file_id, max(exported_on) as exported_on from landing.files
    where status = 'landed' and file_id in (select unnest($files)) group by file_id
) as files on files.file_id = data.file_id
