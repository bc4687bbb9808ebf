/** Loading the page afresh, which forgets everything that was shown in it. */

export function loadAt(address: string): void {
  window.location.assign(address);
}

export function loadAgain(): void {
  window.location.reload();
}
