-- conflicting numbers, dates after the export, department names nobody mapped, traces of broken text
select
    (
        select count(*) from (
            select p.file_id, ltrim(p.patient_no, '0') as patient_id from landing.patients as p
            inner join landing.files as f on f.file_id = p.file_id and f.feed = $feed and f.status = 'landed'
            group by p.file_id, ltrim(p.patient_no, '0')
            having count(distinct p.birth_date) > 1 and count(distinct p.patient_no) > 1
        )
    ),
    count(case when data.birth_date > files.exported_on then 1 end),
    0,
    count(case when data.patient_no like '%■%' or data.patient_no like '%' || chr(65533) || '%' then 1 end)
from landing.patients as data
inner join (
    select file_id, max(exported_on) as exported_on from landing.files
    where feed = $feed and status = 'landed' group by file_id
) as files on files.file_id = data.file_id
