-- What is odd in the patients of these files, counted.
select
    (
        select count(*) from (
            select file_id, ltrim(patient_no, '0') as patient_id from landing.patients
            where file_id in (select unnest($files))
            group by file_id, ltrim(patient_no, '0')
            having count(distinct birth_date) > 1 and count(distinct patient_no) > 1
        )
    ) as conflicting_numbers,
    count(case when data.birth_date > files.exported_on then 1 end) as future_dates,
    0 as unknown_departments,
    count(case when data.patient_no like '%■%' or data.patient_no like '%' || chr(65533) || '%' then 1 end) as replaced_characters,
    0 as blank_keys,
    count(case when data.birth_date < files.exported_on - interval 120 year then 1 end) as unlikely_values
from landing.patients as data
inner join (
    select file_id, max(exported_on) as exported_on from landing.files
    where status = 'landed' and file_id in (select unnest($files)) group by file_id
) as files on files.file_id = data.file_id
