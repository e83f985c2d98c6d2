"""Where tasks are computed: worker processes with a queue, a time limit for each task, and exactly one result for every task.

``pool`` holds queue and workers; a ``worker`` is a process, started by ``process_context`` through ``_server``, running ``_child``.
``endings`` makes results of what did not end by itself; ``cores`` shares idle cores. Other pools are ``inline_pool`` (in this
process) and ``executor_pool`` (any ``concurrent.futures.Executor``); ``limited`` computes one system within a time limit.
"""
