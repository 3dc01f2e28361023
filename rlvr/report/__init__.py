"""Report: finished run folders as one HTML file that a person opens, shares and argues over.

    gather.py       a run folder -> all that its part of the page is made of, read once
    figures.py      results -> charts (Vega-Lite, then SVG), each with the rows that it draws
    facts.py        results -> what only the report shows: findings in sentences, budget, configs
    words.py        what the page's terms mean (words.md, arms, metrics), and the links to them
    completions.py  completions and evaluations -> the sample that the browser shows
    phrases.py      token ids -> the phrases that each arm amplified
    page.py         all of that -> HTML (page.html, page.css, figures.js, browser.js)

What it does not do: compute a verdict or an interval (`rlvr.results.compare`,
`rlvr.statistics.estimates`), nor run any code that a run folder names.
"""
