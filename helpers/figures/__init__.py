"""One house style, one function per kind of figure.

Every function returns ``fig, axes`` and leaves the alternative text on the figure, made from
the numbers that were drawn; :func:`helpers.figures.style.show` puts both into the page. Figures are
drawn 4.8 inches wide with letters of 8-10 points, so that they can still be read 330 pixels wide,
on a phone.
"""
