"""What marks an assignment: assertions for test cells, and on the instructor's side the bank of answers."""
