-- conflicting numbers, dates after the export, department names nobody mapped, traces of broken text
select
    0,
    count(case when data.started_on > files.exported_on then 1 end),
    0,
    count(case when data.patient_no like '%■%' or data.patient_no like '%' || chr(65533) || '%' then 1 end)
from landing.conditions as data
inner join (
    select file_id, max(exported_on) as exported_on from landing.files
    where feed = $feed and status = 'landed' group by file_id
) as files on files.file_id = data.file_id
