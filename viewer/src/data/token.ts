// The token of the address, with which a page may send commands to trainings.
const KEY = "lightning-iit-token";

/** Takes the token out of the address, so that no link has it, and keeps it for this tab of the browser. */
export function takeToken(): string {
  const url = new URL(location.href);
  const given = url.searchParams.get("token");
  if (given === null) return kept();
  url.searchParams.delete("token");
  history.replaceState(history.state, "", url);
  try {
    sessionStorage.setItem(KEY, given);
  } catch {
    // A browser that keeps nothing has it until the page is loaded again.
  }
  return given;
}

function kept(): string {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}
