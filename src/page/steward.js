// steward.js: what the page can do beyond plain HTML. Every feature here has a no-JS way to the same end.
(() => {
  const doc = document, root = doc.documentElement, $ = (s, e = doc) => e.querySelector(s), $$ = (s, e = doc) => [...e.querySelectorAll(s)];
  root.classList.add('js');

  // Theme. The server writes data-theme from the cookie that the toggle sets.
  const dark = () => root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;

  function toast(text, act, run) {
    const t = doc.createElement('div'), p = doc.createElement('span');
    t.className = 'toast'; p.textContent = text; t.append(p);
    if (act) { const b = doc.createElement('button'); b.className = 'btn tiny'; b.textContent = act; b.onclick = () => { run(); t.remove() }; t.append(b) }
    $('.toasts').append(t);
    if (!act) setTimeout(() => t.remove(), 4000);   // a toast with an action stays until it is answered
  }

  // Instant search and facets: filter what is on the page at once; Enter asks the server (GET /?q=&verdict=).
  function filter(list, q) {
    const words = q.toLowerCase().split(/\s+/).filter(Boolean); let n = 0;
    const sets = $$('.facet').map(f => $$(':checked', f).map(c => `|${c.name}=${c.value}|`)).filter(s => s.length);
    for (const li of $$('[data-t]', list)) {
      const has = w => li.dataset.t.includes(w), hit = words.every(has) && sets.every(s => s.some(f => li.dataset.f.includes(f))); li.hidden = !hit; n += hit;
      const a = $('h3 a', li), name = a.textContent; a.textContent = '';
      const at = words[0] ? name.toLowerCase().indexOf(words[0]) : -1;
      if (at < 0) { a.textContent = name; continue }
      const m = doc.createElement('mark'); m.textContent = name.slice(at, at + words[0].length);
      a.append(name.slice(0, at), m, name.slice(at + words[0].length));
    }
    $('#count').textContent = `${n} product${n === 1 ? '' : 's'}`; $('#none').hidden = n > 0;
  }

  // Where the page has only the first of all products, the server looks through the others: the same form, sent while one types.
  let waits;
  function ask() {
    clearTimeout(waits);
    waits = setTimeout(async () => {
      const asked = new URLSearchParams(new FormData($('form[aria-label="Filter products"]')));
      asked.set('q', $('#q').value); asked.set('sort', $('#sort').value);
      const query = asked.toString();
      try {
        const answer = await fetch('/?' + query, { headers: { accept: 'text/html' } });
        const next = answer.ok && new DOMParser().parseFromString(await answer.text(), 'text/html');
        if (!next || asked.get('q') !== $('#q').value) return;
        $('#found').replaceChildren(...next.getElementById('found').childNodes); $('#count').textContent = next.getElementById('count').textContent;
        history.replaceState(null, '', '/?' + query);
      } catch { }
    }, 120);
  }

  // YAML editor: the textarea is the truth; a coloured copy lies beneath it and carries the lint at the line's end.
  function paint(box) {
    const area = $('textarea', box), pre = $('pre', box), lint = JSON.parse(box.dataset.lint || '{}');
    const span = (cls, text) => { const s = doc.createElement('span'); s.className = cls; s.textContent = text; return s };
    pre.replaceChildren(...area.value.split('\n').flatMap((l, i) => {
      const row = doc.createElement('span'), m = l.match(/^(\s*(?:- )?)([\w.$-]+:)?(.*?)(\s#.*)?$/) || ['', '', '', l];
      row.append(span('ln', i + 1), m[1], span('k', m[2] || ''), span(/^ ?["'\d]/.test(m[3]) ? 's' : '', m[3]), span('c', m[4] || ''));
      const bad = lint[i + 1];
      if (bad) { row.className = 'at ' + bad[0]; row.append(span('msg ' + bad[0], bad[1])) }
      return [row, '\n'];
    }));
    follow(box);
  }
  // What is written is checked while one writes; saving it is another thing.
  let checks;
  function check(box) {
    clearTimeout(checks);
    checks = setTimeout(async () => {
      const text = $('textarea', box).value;
      try {
        const answer = await fetch(box.dataset.ask, { method: 'POST', headers: { accept: 'application/json', 'content-type': 'application/yaml' }, body: text });
        if (!answer.ok || text !== $('textarea', box).value) return;
        const found = (await answer.json()).problems, lint = {};
        for (const p of found.toReversed()) if (p.line) lint[p.line] = [p.severity === 'error' ? 'fail' : 'warn', p.message];
        box.dataset.lint = JSON.stringify(lint); paint(box);
        $('#lint-n').textContent = found.length ? `${found.length} finding${found.length === 1 ? '' : 's'}, as it is written` : 'Nothing is wrong with it, as it is written.';
      } catch { }
    }, 250);
  }
  const follow = box => { const a = $('textarea', box), p = $('pre', box); p.scrollTop = a.scrollTop; p.scrollLeft = a.scrollLeft };

  // What moves is asked for again and swapped where nobody reads in it: no focus, no selection, nothing that was opened.
  async function poll(id, every) {
    const old = doc.getElementById(id), busy = old.contains(doc.activeElement) || $('details[open]', old) || (String(getSelection()) && old.contains(getSelection().anchorNode));
    if (!doc.hidden && !busy) try {
      const answer = await fetch(location.href, { headers: { accept: 'text/html' } });
      const next = answer.ok && new DOMParser().parseFromString(await answer.text(), 'text/html').getElementById(id);
      if (next && next.innerHTML !== old.innerHTML) { old.replaceChildren(...next.childNodes); ready(old) }
    } catch { }
    setTimeout(poll, every, id, every);
  }
  const ready = part => { for (const b of $$('[data-copy],[data-theme-toggle]', part)) b.hidden = false };

  doc.addEventListener('DOMContentLoaded', () => {
    const q = $('#q'), list = $('[data-list]');
    if (q && list) {
      const look = $('#found[data-more]') ? ask : () => filter(list, q.value);
      q.addEventListener('input', look); doc.addEventListener('change', e => e.target.closest('.facet') && look());
    }
    for (const s of $$('select[data-go], #sort')) s.addEventListener('change', () => s.form.submit());
    ready(doc);
    if (matchMedia('(max-width: 60rem)').matches) for (const d of $$('.facets')) d.open = false;   // a phone folds them
    for (const box of $$('.edit')) { const area = $('textarea', box); paint(box); area.addEventListener('input', () => { paint(box); box.dataset.ask && check(box) }); area.addEventListener('scroll', () => follow(box)) }
    for (const s of $$('[data-poll]')) setTimeout(poll, +s.dataset.poll, s.id, +s.dataset.poll);
    for (const b of $$('[data-theme-toggle]')) b.setAttribute('aria-label', dark() ? 'Use the light theme' : 'Use the dark theme');
    for (const g of $$('.graph')) { const n = $('.sel', g); if (n) g.scrollLeft += n.getBoundingClientRect().left - g.getBoundingClientRect().left - 16 }   // a phone starts at the focus
    const here = $('.nav [aria-current]'); if (here) here.parentElement.scrollLeft = here.offsetLeft - 48;   // a phone shows where one is
    // The rail marks the section in view.
    const toc = $$('.toc a[href^="#"]'), seen = toc.map(a => doc.getElementById(a.hash.slice(1)));
    if (toc.length && 'IntersectionObserver' in window) {
      const io = new IntersectionObserver(es => es.forEach(e => {
        if (e.isIntersecting) toc.forEach((a, i) => seen[i] === e.target ? a.setAttribute('aria-current', 'true') : a.removeAttribute('aria-current'));
      }), { rootMargin: '-20% 0px -70%' });
      seen.forEach(s => s && io.observe(s));
    }
  });

  doc.addEventListener('click', async e => {
    const b = e.target.closest('[data-copy],[data-theme-toggle]'); if (!b) return;
    if (b.matches('[data-theme-toggle]')) { e.preventDefault(); root.dataset.theme = dark() ? 'light' : 'dark'; doc.cookie = `theme=${root.dataset.theme};path=/;max-age=31536000;samesite=strict`; b.setAttribute('aria-label', dark() ? 'Use the light theme' : 'Use the dark theme'); return }
    const from = $('pre', b.parentElement);
    try { await navigator.clipboard.writeText('copyLink' in b.dataset ? location.origin + b.dataset.copy : b.dataset.copy || from.textContent); toast('Copied.') } catch { getSelection().selectAllChildren(from || b); toast('Selected. Press Ctrl+C to copy.') }
  });

  // Keys: / search, j k move, Enter opens, ? help, Esc leaves. Never while typing, never with a modifier.
  doc.addEventListener('keydown', e => {
    if (e.key === 'Escape' && e.target.id === 'q') { e.target.blur(); return }
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.matches('input,textarea,select')) return;
    const rows = $$('[data-t]:not([hidden])'), at = rows.findIndex(r => r.classList.contains('at'));
    if (e.key === '/') { e.preventDefault(); $('#q').focus() }
    else if (e.key === '?') $('#keys')?.showModal();
    else if ((e.key === 'j' || e.key === 'k') && rows.length) {
      rows[at]?.classList.remove('at');
      const next = rows[Math.max(0, Math.min(rows.length - 1, at + (e.key === 'j' ? 1 : -1)))];
      next.classList.add('at'); next.scrollIntoView({ block: 'nearest' }); $('h3 a', next).focus();
    }
  });
})();
