"use strict";
// Without this file the forms of the page do the same, one page for each item. With it, an answer is one key,
// and the next item, which was fetched before, stands there at once.
(() => {
  const work = document.getElementById("work");
  const status = document.getElementById("status");
  const cohort = document.getElementById("cohort");
  const failure = document.getElementById("failure");
  const place = document.getElementById("item");
  const done = document.getElementById("done");
  const switcher = document.getElementById("keys");
  const ANSWERS = { 1: "correct", c: "correct", 2: "incorrect", x: "incorrect", 3: "unsure", u: "unsure", s: "skip" };
  const DOUBLE_CLICK = 400; // milliseconds
  const STORED = "calib-keys";
  let waiting = null; // the next item as HTML; null: there is none
  let ready = Promise.resolve(); // settles when the answer before is stored and `waiting` is known
  let busy = false;
  let shownAt = -Infinity; // when the item was put here: the second click of a double click must not answer it
  let clicked = false;

  const shown = () => place.querySelector(".item");
  const stored = () => { try { return localStorage.getItem(STORED); } catch { return null; } };

  async function asked(address, form) {
    const options = { headers: { accept: "application/json" }, credentials: "same-origin" };
    if (form) { options.method = "POST"; options.body = form; }
    const answer = await fetch(address, options);
    let value = {};
    try { value = await answer.json(); } catch { /* what is no JSON says nothing more */ }
    if (!answer.ok) throw new Error(value.error || `The server answered with status ${answer.status}.`);
    return value;
  }

  function put(html) {
    if (html === null) place.replaceChildren(done.content.cloneNode(true));
    else place.innerHTML = html;
    shownAt = performance.now();
    const item = shown();
    if (item) item.focus({ preventScroll: true });
  }

  function say(words) {
    failure.textContent = words;
    failure.hidden = !words;
  }

  async function answer(form, word) {
    if (busy) return;
    busy = true;
    await ready;
    const before = [...place.childNodes];
    const fields = new URLSearchParams(new FormData(form));
    fields.set("answer", word);
    put(waiting);
    const next = shown();
    fields.set("shown", next ? next.dataset.item : "0");
    say("");
    window.scrollTo({ top: Math.min(window.scrollY, work.offsetTop) });
    busy = false;
    ready = asked(form.action, fields).then((value) => {
      status.innerHTML = value.status;
      cohort.innerHTML = value.cohort;
      waiting = value.next;
      if (!shown() && waiting !== null) { put(waiting); return fetched(); }
      return undefined;
    }).catch((error) => {
      place.replaceChildren(...before);
      say(`Your answer was not stored. ${error.message} Load the page anew.`);
      busy = true; // what is on the page may be out of date
    });
  }

  async function fetched() {
    const item = shown();
    if (!item) { waiting = null; return; }
    try {
      waiting = (await asked(`${work.dataset.next}?after=${item.dataset.item}`)).next;
    } catch (error) {
      say(`The next item could not be fetched. ${error.message} Load the page anew.`);
      busy = true;
    }
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches(".answer") || !event.submitter) return;
    event.preventDefault();
    if (clicked && performance.now() - shownAt < DOUBLE_CLICK) return;
    answer(form, event.submitter.value);
  });
  document.addEventListener("click", (event) => { clicked = event.detail > 0; }, true);

  document.addEventListener("keydown", (event) => {
    const field = event.target.closest("textarea, input, select");
    if (event.key === "Escape" && field) { field.blur(); return; }
    if (field || event.ctrlKey || event.altKey || event.metaKey || event.repeat || stored() === "off") return;
    const key = event.key.toLowerCase();
    const form = place.querySelector(".answer");
    if (key === "z") {
      const undo = document.getElementById("undo");
      if (undo) { event.preventDefault(); ready.then(() => document.getElementById("undo").requestSubmit()); }
    } else if (form && key === "m") {
      event.preventDefault();
      form.querySelector("textarea").focus();
    } else if (form && Object.hasOwn(ANSWERS, key)) {
      event.preventDefault();
      answer(form, ANSWERS[key]);
    }
  });

  function showSwitch() {
    const on = stored() !== "off";
    switcher.textContent = on ? "Keys are on" : "Keys are off";
    switcher.setAttribute("aria-pressed", String(on));
    switcher.hidden = false;
  }
  switcher.addEventListener("click", () => {
    try { localStorage.setItem(STORED, stored() === "off" ? "on" : "off"); } catch { /* then they stay on */ }
    showSwitch();
  });
  showSwitch();
  ready = fetched();
})();
