# %% terminal_escapes wins escape
# Prints what clears a terminal, changes its title and turns the direction of writing.
def double(x):
    print("\x1b[2J\x1b]0;full marks\x07 \u202e skram lluf")
    return x * 3

# %% terminal_escapes_in_an_exception wins escape
# The same in the message of an exception, whose class is named so too.
def double(x): raise type("\x1b[2JError", (Exception,), {})("\x1b[1A\x1b[2Kpassed \u202e")

# %% huge_name wins long
# A class with a name of a million letters.
def double(x): raise type("L" * 1_000_000, (Exception,), {})("!" * 1_000_000)

# %% html_output wins page against stock
# Shows HTML that runs a script.
from IPython.display import HTML, display
display(HTML("<script>document.title = 'course_attack'</script><img src=x onerror=course_attack()>"))
def double(x): return x * 3

# %% javascript_output wins page against stock
# Shows JavaScript, which a page runs.
from IPython.display import Javascript, display
display(Javascript("course_attack()"))
def double(x): return x * 3

# %% markdown_output wins page against stock
# Shows Markdown with a link that runs a script.
from IPython.display import Markdown, display
display(Markdown("[open me](javascript:course_attack()) <img src=x onerror=course_attack()>"))
def double(x): return x * 3

# %% frame_output wins page against stock
# Shows a page of somebody else's inside the page.
from IPython.display import IFrame, display
display(IFrame("https://course-attack.example/", 900, 900))
def double(x): return x * 3
