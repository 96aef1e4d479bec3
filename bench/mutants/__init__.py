"""How many small mistakes in the rules of tags the tests would notice: `make mutants`.

Every place of the rules where a mistake is easily made (a comparison, a bound, a code, a
window, a branch) is marked with a comment in a scratch copy of the dbt project. dbt then
compiles and runs its unit tests on that copy as on any other, so what is mutated is what
dbt itself runs, and a mark leads back to its file and line, through macros too. A mutant
is those tests' SQL with one marked place changed, run in DuckDB without dbt.
"""
