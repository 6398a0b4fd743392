"""What a monitor, planner, executor and learner do: pure judgement, no I/O."""
