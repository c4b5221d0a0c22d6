"""How the report's page looks: light and dark, on a screen, a telephone and paper."""

from __future__ import annotations

STYLE = """
:root {
  --back: #f4f3ef; --card: #ffffff; --ink: #20262b; --soft: #68727a; --line: #e3e2dc; --faint: #f0efea;
  --in: #1c7189; --out: #dd7c2d; --bad: #c2362b; --shade: rgba(30, 40, 50, .05);
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #14181b; --card: #1c2226; --ink: #e7eaec; --soft: #96a1a9; --line: #313a40; --faint: #242b30;
    --in: #58b7d3; --out: #f0a35c; --bad: #ff7d6e; --shade: rgba(255, 255, 255, .05);
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--back); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums;
}
main { max-width: 1120px; margin: 0 auto; padding: 32px 20px 48px; }
header { margin-bottom: 22px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -.01em; }
h2 { font-size: 16px; margin: 0 0 2px; }
p { margin: 0 0 8px; }
.soft { color: var(--soft); }
.small { font-size: 13px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(138px, 1fr)); gap: 12px; }
.tile, .card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.tile { padding: 14px 16px 12px; }
.tile b { display: block; font-size: 30px; line-height: 1.15; font-weight: 650; letter-spacing: -.02em; }
.tile.in b { color: var(--in); } .tile.out b { color: var(--out); } .tile.bad b { color: var(--bad); }
.tile.calm b { color: var(--soft); font-weight: 500; }
.tile span { display: block; font-weight: 600; }
.tile i { display: block; font-style: normal; color: var(--soft); font-size: 13px; line-height: 1.35; }
.cards { display: grid; grid-template-columns: repeat(12, 1fr); gap: 14px; margin-top: 14px; }
.card { padding: 16px 18px; grid-column: span 12; overflow-x: auto; break-inside: avoid; }
@media (min-width: 820px), print { .more { grid-column: span 7; } .less { grid-column: span 5; } }
.pack { columns: 2 400px; column-gap: 14px; margin-top: 14px; }
.pack .card { margin-bottom: 14px; }
.card > svg { display: block; width: 100%; height: auto; margin-top: 8px; }
@media screen { .wide > svg { min-width: 760px; } .more > svg { min-width: 440px; } }
ul.notes { margin: 6px 0 0; padding: 0; list-style: none; columns: 2 360px; column-gap: 40px; }
ul.notes li { padding: 3px 0 3px 18px; position: relative; break-inside: avoid; }
ul.notes li::before { content: ""; position: absolute; left: 1px; top: 11px; width: 8px; height: 8px;
  border-radius: 4px; background: var(--out); }
ul.notes li.bad::before { background: var(--bad); } ul.notes li.calm::before { background: var(--in); }
table { border-collapse: collapse; width: 100%; margin-top: 8px; font-size: 14px; }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: 12.5px; white-space: nowrap; }
th, td { padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
th:last-child, td:last-child { padding-right: 0; }
td.time { white-space: nowrap; color: var(--soft); }
td.number, th.number { text-align: right; white-space: nowrap; }
.key { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin: 0 5px 0 12px; }
.key.in { background: var(--in); margin-left: 0; } .key.out { background: var(--out); }
svg text { font-size: 12px; fill: var(--soft); }
svg .ink { fill: var(--ink); } svg .in { fill: var(--in); } svg .out { fill: var(--out); }
svg .bad { fill: var(--bad); } svg .shade { fill: var(--shade); } svg .faint { fill: var(--faint); }
svg line { stroke: var(--line); stroke-width: 1; } svg line.limit { stroke: var(--bad); stroke-width: 1.5; }
svg .end { text-anchor: end; } svg .middle { text-anchor: middle; }
footer { margin-top: 20px; color: var(--soft); font-size: 13px; }
@media print {
  :root {
    --back: #ffffff; --card: #ffffff; --ink: #000000; --soft: #444444; --line: #cccccc; --faint: #eeeeee;
    --in: #1c7189; --out: #dd7c2d; --bad: #c2362b; --shade: rgba(0, 0, 0, .05);
  }
  body { font-size: 12px; }
  main { max-width: none; padding: 0; }
  .pack { columns: 2; }
  table { font-size: 11px; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
