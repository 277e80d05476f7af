"""Files for people and programs: results directories, their tables and their page."""

from pwsim.report import columns
from pwsim.report.comparing import compare
from pwsim.report.directory import FILES, write_results, write_table
from pwsim.report.page import read_summary, read_table, write_report

__all__ = ["FILES", "columns", "compare", "read_summary", "read_table", "write_report", "write_results", "write_table"]
