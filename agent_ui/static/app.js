// What the pages need beyond htmx: timers, the connection light, drafts of notes, keys. No page logic lives here.

const serverNow = Number(document.querySelector('meta[name=now]')?.content) || Date.now();
const offset = serverNow - Date.now(); // the house's clock may be another than this machine's

// ---- timers ------------------------------------------------------------------------------------------------

function written(seconds) {
  const two = (n) => String(n).padStart(2, '0');
  const s = Math.max(0, Math.floor(seconds));
  const h = Math.floor(s / 3600);
  const m = Math.floor((s % 3600) / 60);
  return h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

function tick() {
  for (const time of document.querySelectorAll('time[data-since]')) {
    const text = written((Date.now() + offset - Number(time.dataset.since)) / 1000);
    if (time.textContent !== text) time.textContent = text;
  }
}
setInterval(tick, 500);

// ---- dates: browsers write them in their own way, so each is told in the page's language too ---------------------

const dayWords = new Intl.DateTimeFormat(document.documentElement.lang, {
  weekday: 'short', day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC',
});

function tellDays() {
  for (const field of document.querySelectorAll('input[type=date]')) {
    const told = field.closest('fieldset, label')?.querySelector('.day');
    if (told) told.textContent = field.valueAsDate ? dayWords.format(field.valueAsDate) : '';
  }
}
document.addEventListener('input', tellDays);

// ---- the connection light ------------------------------------------------------------------------------------

function light(on) {
  const link = document.getElementById('link');
  if (!link) return;
  link.classList.toggle('on', on);
  link.classList.remove('wait');
  link.querySelector('span').textContent = on ? link.dataset.on : link.dataset.off;
}
document.addEventListener('htmx:ws:after:connection', () => light(true));
document.addEventListener('htmx:ws:close', (event) => {
  light(false);
  if (event.detail.code === 4401) location.assign('/login');
});
document.addEventListener('htmx:ws:error', () => light(false));

// ---- drafts: a half-typed form survives a reload, per tab ------------------------------------------------------

const draftForm = () => document.querySelector('form[data-draft]');
const draftKey = (form) => `draft:${form.dataset.draft}`;

function keep(form) {
  const fields = Object.fromEntries(new FormData(form));
  delete fields.attempt_id;
  sessionStorage.setItem(draftKey(form), JSON.stringify(fields));
}

function restore() {
  const form = draftForm();
  for (const key of Object.keys(sessionStorage)) {
    if (key.startsWith('draft:') && (!form || key !== draftKey(form))) sessionStorage.removeItem(key);
  }
  if (!form || form.dataset.restored) return;
  form.dataset.restored = 'yes';
  const fields = JSON.parse(sessionStorage.getItem(draftKey(form)) || '{}');
  for (const [name, value] of Object.entries(fields)) {
    const field = form.elements.namedItem(name);
    if (field) field.value = value;
  }
}
for (const kind of ['input', 'change']) {
  document.addEventListener(kind, (event) => {
    const form = event.target.closest?.('form[data-draft]');
    if (form) keep(form);
  });
}

// ---- keys ------------------------------------------------------------------------------------------------------

const typing = (node) => node.matches?.('textarea, select, input:not([type=radio]):not([type=checkbox])');
const press = (id) => document.getElementById(id)?.click();

function queueStep(step) {
  const items = [...document.querySelectorAll('[data-queue]:not([disabled])')];
  if (!items.length) return;
  const at = items.indexOf(document.activeElement);
  items[(at + step + items.length) % items.length].focus();
}

const KEYS = {
  n: () => draftForm()?.elements.note.focus(),
  r: () => press('ready'),
  p: () => press('pause'),
  x: () => press('hangup'),
  c: () => press('call'),
  s: () => press('skip'),
  '/': () => document.getElementById('query')?.focus(),
  j: () => queueStep(1),
  k: () => queueStep(-1),
  '?': () => document.getElementById('help')?.showModal(),
};

document.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && event.ctrlKey && draftForm()) {
    event.preventDefault();
    draftForm().requestSubmit();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (document.querySelector('dialog[open]')) return;
  if (/^[0-9]$/.test(event.key)) {
    const radio = document.querySelector(`form[data-draft] input[data-key="${event.key}"]`);
    if (!radio) return;
    event.preventDefault();
    radio.checked = true;
    radio.dispatchEvent(new Event('change', { bubbles: true }));
    if ('asks' in radio.dataset) radio.form.elements.callback_on.focus();
    else radio.focus();
    return;
  }
  const idle = !event.target.closest?.('a, button, label, summary, [tabindex="0"]');
  const act = document.body.classList.contains('desk') && (event.key === 'Enter' ? idle && KEYS.c : KEYS[event.key.toLowerCase()]);
  if (act) {
    event.preventDefault();
    act();
  }
});

document.addEventListener('click', (event) => {
  const opener = event.target.closest?.('[data-opens]');
  if (opener) document.getElementById(opener.dataset.opens)?.showModal();
});

// ---- after every swap --------------------------------------------------------------------------------------------

function afterSwap() {
  tick();
  restore();
  tellDays();
}
document.addEventListener('htmx:after:swap', afterSwap);
document.addEventListener('htmx:ws:after:message:incoming', afterSwap);
afterSwap();
