"""What a tap in the chat says: the data of its postback."""

import re

NAME = r"[a-z][a-z0-9_]{0,39}"
VERSION = r"(?P<version>[a-z0-9]{1,16})"
QUESTION = rf"(?P<questionnaire>{NAME}):{VERSION}:(?P<question>{NAME})"

ALL = "all"  # in the place of a purpose
CONSENT = re.compile(rf"consent:{VERSION}:(?P<purpose>[a-z]+):(?P<answer>yes|no)")
ANSWER = re.compile(rf"answer:{QUESTION}:(?P<choice>{NAME})")
PICK = re.compile(rf"pick:{QUESTION}:(?P<choice>{NAME})")  # one of several, until they are done
DONE = re.compile(rf"done:{QUESTION}")
