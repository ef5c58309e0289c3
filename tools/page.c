/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/page.h"

#include <string.h>

/* clang-format off */
static const char style[] =
":root{color-scheme:light dark;--bg:#f6f6f3;--card:#fff;--ink:#1d1e1c;--soft:#63645f;--line:#e2e1db;"
"--before:#8b8f96;--after:#2563c9;--good:#157347;--bad:#b3430f;--track:#ecebe6;"
"--contract:#2563c9;--reduce:#b26a00;--scan:#7a3fc2;--map:#6b6f76;--fused:#157347}\n"
"@media(prefers-color-scheme:dark){:root{--bg:#141517;--card:#1d1f22;--ink:#ecebe7;--soft:#a3a49f;"
"--line:#33363b;--before:#8f959e;--after:#7db0ff;--good:#56c890;--bad:#ff9a66;--track:#2a2d31;"
"--contract:#7db0ff;--reduce:#f0b35a;--scan:#c39bff;--map:#a6abb3;--fused:#56c890}}\n"
"*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);"
"font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}\n"
"main{max-width:1180px;margin:0 auto;padding:28px 20px 60px}h1{font-size:26px;line-height:1.2;margin:0 0 4px}"
"h2{font-size:17px;margin:0 0 2px}p{margin:0 0 10px}.soft{color:var(--soft)}\n"
"section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:18px 20px;margin:18px 0 0;min-width:0}\n"
".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(168px,1fr));gap:12px;margin:20px 0 0}"
".tile{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:12px 16px}"
".tile b{display:block;font-size:22px;line-height:1.3;font-weight:650}.tile span{color:var(--soft);font-size:13px}\n"
".two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,460px),1fr));gap:18px}.two section{margin-top:18px}\n"
".wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;min-width:800px}"
"th{font-weight:500;color:var(--soft);font-size:13px;text-align:right;padding:6px 8px;border-bottom:1px solid var(--line);white-space:nowrap}"
"td{text-align:right;padding:6px 8px;border-bottom:1px solid var(--line);white-space:nowrap}th:first-child,td:first-child{text-align:left;padding-left:0}"
"tr:last-child td{border-bottom:0}td.name{font-family:ui-monospace,'DejaVu Sans Mono',monospace;font-size:14px}.time{width:30%;min-width:150px}th.time{text-align:left}\n"
".bar{position:relative;height:16px;background:var(--track);border-radius:4px}"
".bar i{position:absolute;left:0;top:0;bottom:0;background:var(--after);border-radius:4px}"
".bar u{position:absolute;top:7px;height:2px;background:var(--ink);opacity:.55}"
".good{color:var(--good)}.bad{color:var(--bad)}.sum{margin:12px 0 0}\n"
"svg{display:block;max-width:100%;height:auto}svg text{font:12px system-ui,'DejaVu Sans',sans-serif;fill:var(--soft)}"
".chart svg{width:100%;min-width:440px}.grid{stroke:var(--line);stroke-width:1}.axis{stroke:var(--soft);stroke-width:1}"
".roof{fill:none;stroke:var(--ink);stroke-width:2}.b{fill:none;stroke:var(--before);stroke-width:1.6}"
".a{fill:var(--after);fill-opacity:.75;stroke:var(--after)}.ba{fill:var(--before);fill-opacity:.22;stroke:var(--before);stroke-width:1.5}"
".aa{fill:var(--after);fill-opacity:.30;stroke:var(--after);stroke-width:1.5}.peak{stroke-dasharray:5 4;fill:none}\n"
".key{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:13px;color:var(--soft);margin:6px 0 0}"
".key i{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:6px;vertical-align:-1px}\n"
".scroll{overflow:auto;max-height:620px;border:1px solid var(--line);border-radius:8px;padding:8px}.scroll svg{max-width:none}"
".edge{fill:none;stroke:var(--before);stroke-opacity:.55}.box{fill:var(--card);stroke-width:1.6}svg text.in{fill:var(--ink);font-size:12px}"
".k-contract{stroke:var(--contract)}.k-reduce{stroke:var(--reduce)}.k-scan{stroke:var(--scan)}.k-map{stroke:var(--map)}"
".k-fused{stroke:var(--fused);stroke-width:3}\n"
"@media(max-width:600px){.time{min-width:96px}th.time{white-space:normal}table{min-width:640px}main{padding:18px 12px 40px}h1{font-size:22px}section{padding:14px}.tile b{font-size:19px}}\n";
/* clang-format on */

void
tn_page_text(tn_text *out, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '&': tn_text_add(out, "&amp;"); break;
        case '<': tn_text_add(out, "&lt;"); break;
        case '>': tn_text_add(out, "&gt;"); break;
        case '"': tn_text_add(out, "&quot;"); break;
        default: tn_text_put(out, text, 1);
        }
}

void
tn_page_open(tn_text *out, const char *title)
{
    tn_text_add(out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>");
    tn_page_text(out, title);
    tn_text_add(out, "</title>\n<style>\n");
    tn_text_put(out, style, strlen(style));
    tn_text_add(out, "</style></head>\n<body><main>\n");
}

void
tn_page_close(tn_text *out)
{
    tn_text_add(out, "</main></body></html>\n");
}

void
tn_page_time(tn_text *out, double ns)
{
    double size = ns < 0 ? -ns : ns;

    if (size >= 1e9)
        tn_text_add(out, "%.2f\u00a0s", ns * 1e-9);
    else if (size >= 1e6)
        tn_text_add(out, "%.2f\u00a0ms", ns * 1e-6);
    else
        tn_text_add(out, "%.0f\u00a0\u00b5s", ns * 1e-3);
}

void
tn_page_bytes(tn_text *out, double bytes)
{
    if (bytes >= 1e9)
        tn_text_add(out, "%.2f\u00a0GB", bytes * 1e-9);
    else if (bytes >= 1e6)
        tn_text_add(out, "%.2f\u00a0MB", bytes * 1e-6);
    else
        tn_text_add(out, "%.1f\u00a0kB", bytes * 1e-3);
}
