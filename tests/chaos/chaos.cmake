# A sample of `make chaos`.
set(kills ${PYTHON3} ${CMAKE_SOURCE_DIR}/tests/chaos/kills.py --skein $<TARGET_FILE:skein>)
add_test(NAME chaos_kills COMMAND ${kills} --kinds async,threads,tcp,mpi --kills 2)
add_test(NAME chaos_calls COMMAND ${kills} --kinds calls-single --every 250)
# Where a chair is killed between the members' agreement on a round and its record.
add_test(NAME chaos_record COMMAND ${kills} --kinds calls-elastic --named membership.jsonl --every 5)
add_test(NAME chaos_schedules COMMAND ${PYTHON3} ${CMAKE_SOURCE_DIR}/tests/chaos/elastic.py --skein $<TARGET_FILE:skein>
                                      --schedules 2)
set_tests_properties(chaos_kills chaos_calls chaos_record chaos_schedules PROPERTIES TIMEOUT 600)
