/** Let the browser save what the page has read. */

/** @param {string} name @param {Blob} content */
export function saveBlob(name, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** @param {string} name @param {string} text */
export const saveText = (name, text) => saveBlob(name, new Blob([text], { type: "text/plain" }));
