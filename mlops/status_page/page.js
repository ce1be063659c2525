// Without this the page works by its forms and a reload; with it nothing flickers. What it shows is what the server made.
"use strict";

const parse = (text) => new DOMParser().parseFromString(text, "text/html");

function replace(id, fresh) {
  const old = document.getElementById(id);
  if (old && fresh && old.innerHTML !== fresh.innerHTML && !old.contains(document.activeElement)) {
    old.innerHTML = fresh.innerHTML;
  }
}

async function page(address, options) {
  const answer = await fetch(address, { ...options, headers: { accept: "text/html" } });
  return parse(await answer.text());
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  event.preventDefault();
  const said = new URLSearchParams(new FormData(form, event.submitter));
  const place = form.matches(".told") ? form : document.getElementById("answer");
  place.setAttribute("aria-busy", "true");
  try {
    const fresh = (await page(form.action, { method: "POST", body: said })).getElementById("answer");
    if (place === form) {
      const note = document.createElement("p");
      note.setAttribute("role", "status");
      note.textContent = fresh.textContent;
      form.replaceChildren(note);
    } else {
      place.innerHTML = fresh.innerHTML;
    }
  } catch (error) {
    document.getElementById("answer").textContent = "The service does not answer. Try again in a moment.";
  } finally {
    place.removeAttribute("aria-busy");
  }
});

async function refresh() {
  if (!document.hidden) {
    try {
      const fresh = await page("/");
      replace("health", fresh.getElementById("health"));
      const rollout = document.getElementById("rollout");
      replace("rollout", (await page(rollout.dataset.from)).getElementById("rollout"));
    } catch (error) {
      document.getElementById("health").textContent = "The service does not answer.";
    }
  }
  setTimeout(refresh, 5000);
}

refresh();
