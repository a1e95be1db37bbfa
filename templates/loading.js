// The page's script out of its packed text; the page's policy names the script by its hash, so that no other would run.

async function load() {
  const script = document.createElement("script");
  script.textContent = await inflateText(document.getElementById("packed-script").textContent);
  document.body.append(script);
}
