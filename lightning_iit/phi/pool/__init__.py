"""Worker pools: processes that compute tasks, with a queue, a time limit for each task, and exactly one result for every task.

``pool`` holds the queue and the workers, and an ``open_task`` is what has no result yet. The ``pieces`` of a task are what workers
compute: its parts, and then the task with what they found. A ``worker`` is the host's side of one process, ``_child`` is the code
inside that process; ``process_context`` and ``_server`` start the process, and ``reports`` reads its messages. ``endings`` builds
the results of tasks that did not end by themselves, ``busy`` those of tasks that are not accepted, and waits for all; ``cores``
shares idle cores out. Two other pools serve the same interface: ``inline_pool`` computes in this process, and ``executor_pool``
hands tasks to an executor (of ``phi/executors``), which calls ``remote`` where it computes. ``limited`` computes one system within
a time limit.
"""
