"""Behind the section on cross-attention: alignment scores, their charts, and the tokens of the output."""
