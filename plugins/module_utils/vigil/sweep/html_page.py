# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame of the page: its style, its few lines of script, its skeleton. It asks for nothing from anywhere."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--bg:#f5f6f8;--card:#fff;--ink:#1a2027;--soft:#57616d;--line:#dde1e6;--code:#eef1f4;--link:#0b57a8;
--fail:#b3151f;--fail-bg:#fdebec;--unseen:#6b2fa0;--unseen-bg:#f3eafa;--unknown:#0f5a8a;--unknown-bg:#e6f2fa;
--warn:#7d5200;--warn-bg:#fff4da;--skipped:#57616d;--skipped-bg:#eceff2;--pass:#14692f;--pass-bg:#e6f5ea}
@media(prefers-color-scheme:dark){:root{--bg:#12161b;--card:#1b2128;--ink:#e7ebef;--soft:#a3aebb;--line:#303943;--code:#252d36;
--link:#8cc2ff;--fail:#ff9a9f;--fail-bg:#3b181c;--unseen:#d5b0f7;--unseen-bg:#2e1e3f;--unknown:#8ecbf5;--unknown-bg:#14293a;
--warn:#f5c764;--warn-bg:#352a10;--skipped:#a3aebb;--skipped-bg:#29313a;--pass:#86d99f;--pass-bg:#14301d}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:1280px;margin:0 auto;padding:20px 20px 48px}
h1{font-size:22px;margin:0}h2{font-size:17px;margin:28px 0 10px}
p{margin:4px 0}.soft{color:var(--soft)}.num{font-variant-numeric:tabular-nums}
header{display:flex;flex-wrap:wrap;gap:2px 16px;align-items:baseline;justify-content:space-between}
.verdict{display:flex;align-items:center;gap:12px;margin:14px 0;padding:14px 18px;border-radius:10px;font-size:19px;font-weight:600;
color:var(--c);background:var(--b);border:1px solid var(--c)}
.verdict i{font-size:24px}
.fail{--c:var(--fail);--b:var(--fail-bg)}.unseen{--c:var(--unseen);--b:var(--unseen-bg)}.unknown{--c:var(--unknown);--b:var(--unknown-bg)}
.warn{--c:var(--warn);--b:var(--warn-bg)}.skipped{--c:var(--skipped);--b:var(--skipped-bg)}.pass{--c:var(--pass);--b:var(--pass-bg)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(116px,1fr));gap:10px}
.tile{background:var(--card);border:1px solid var(--line);border-left:4px solid var(--c);border-radius:8px;padding:8px 12px}
.tile b{display:block;font-size:24px;line-height:1.2}.tile span{color:var(--c);font-weight:600}.tile.none{border-left-color:var(--line)}
.tile.none b,.tile.none span{color:var(--soft);font-weight:400}
.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px 16px;margin-top:12px}
.bar{height:8px;border-radius:4px;background:var(--unseen-bg);border:1px solid var(--line);overflow:hidden;margin:8px 0}
.bar i{display:block;height:100%;background:var(--pass)}
.badge{display:inline-block;white-space:nowrap;font-size:13px;font-weight:600;padding:1px 9px;border-radius:11px;color:var(--c);
background:var(--b)}
table{width:100%;border-collapse:collapse;background:var(--card);border:1px solid var(--line);border-radius:8px}
th{text-align:left;font-size:13px;font-weight:600;color:var(--soft);padding:8px 12px;border-bottom:1px solid var(--line)}
td{padding:8px 12px;border-top:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
td:nth-child(1),td:nth-child(4){white-space:nowrap}td:nth-child(2),td:nth-child(3){min-width:96px;max-width:200px}
td small{display:block;color:var(--soft)}td b.new{color:var(--c)}
code{font:13px/1.4 ui-monospace,"DejaVu Sans Mono",monospace;background:var(--code);border-radius:4px;padding:1px 5px;
overflow-wrap:anywhere}
i{font-style:normal}td summary{white-space:nowrap}
details>summary{cursor:pointer;color:var(--link)}details[open]>summary{margin-bottom:6px}
.names{color:var(--soft);font-size:14px;overflow-wrap:anywhere}
.chips{display:flex;flex-wrap:wrap;gap:6px;margin:8px 0;padding:0;list-style:none}
.chips li{font-size:13px;padding:2px 9px;border-radius:6px;color:var(--c);background:var(--b);overflow-wrap:anywhere}
.tools{display:none;flex-wrap:wrap;gap:8px;margin:0 0 10px}.js .tools{display:flex}
.tools input{flex:1 1 220px;min-width:0;font:inherit;padding:7px 12px;border:1px solid var(--soft);border-radius:8px;
background:var(--card);color:var(--ink)}
.tools button{font:inherit;font-size:14px;padding:6px 12px;border-radius:8px;border:1px solid var(--c);color:var(--c);
background:var(--card);cursor:pointer}
.tools button[aria-pressed=true]{background:var(--b);font-weight:600}
.tools button[aria-pressed=false]{border-style:dashed;opacity:.75}
[hidden]{display:none!important}
:focus-visible{outline:2px solid var(--link);outline-offset:2px}
@media(max-width:760px){.tools input{flex-basis:100%}main{padding:14px 12px 40px}.tiles{grid-template-columns:repeat(3,1fr);gap:6px}
.tile{padding:6px 8px}
.tile b{font-size:20px}
.tile span{font-size:13px}.verdict{font-size:16px;padding:10px 12px}
table.wide,table.wide tbody,table.wide tr,table.wide td{display:block}table.wide thead{display:none}
table.wide{border:0;background:none}table.wide tr{background:var(--card);border:1px solid var(--line);border-left:4px solid var(--c);
border-radius:8px;
margin-bottom:8px;padding:8px 10px}table.wide td{border:0;padding:1px 0;max-width:none!important}
table.wide td:nth-child(1),table.wide td:nth-child(4){display:inline-block;margin-right:8px}
table.wide td:nth-child(2),table.wide td:nth-child(3){display:inline-block;font-weight:600;margin-right:8px;min-width:0}
table.wide td:nth-child(5),table.wide td:nth-child(6){margin-top:3px}}
@media print{.tools{display:none!important}body{background:#fff}}
"""

SCRIPT = """
(function(){
var d=document,text=d.getElementById('filter'),rows=[].slice.call(d.querySelectorAll('[data-state]')),shown=d.getElementById('shown');
var buttons=[].slice.call(d.querySelectorAll('.tools button'));
if(!text)return;
d.documentElement.className='js';
function apply(){
 var words=text.value.toLowerCase().split(/\\s+/),on={},left=0,total=0;
 buttons.forEach(function(b){on[b.value]=b.getAttribute('aria-pressed')==='true'});
 rows.forEach(function(r){
  var all=r.textContent.toLowerCase(),fits=on[r.dataset.state]!==false&&words.every(function(w){return all.indexOf(w)>=0});
  r.hidden=!fits;if(r.tagName==='TR'){total++;if(fits)left++}
 });
 shown.textContent=left===total?'':left+' of '+total+' lines shown';
}
text.addEventListener('input',apply);
buttons.forEach(function(b){b.addEventListener('click',function(){
 b.setAttribute('aria-pressed',b.getAttribute('aria-pressed')==='true'?'false':'true');apply()})});
})();
"""

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy"
content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'">
<title>{title}</title><style>{style}</style></head>
<body><main>
<header><h1>Fleet health</h1><p class="soft num">{when}</p></header>
{body}
</main><script>{script}</script></body></html>
"""
