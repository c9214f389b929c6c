// A file of its own, because the page allows no script within it. The address of the description follows from the
// address of this file, so that it is right behind every proxy.
const ui = globalThis.SwaggerUIBundle({
  url: new URL('../openapi.json', document.currentScript.src).href,
  domNode: document.getElementById('docs'),
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  // A key typed in is forgotten with the page.
  persistAuthorization: false,
  // The default sends the description to validator.swagger.io.
  validatorUrl: 'none',
  // Who comes from the page for people has given the key there already.
  onComplete() {
    const key = keyOfPage();
    if (key !== null) ui.preauthorizeApiKey('ApiKey', key);
  },
});

// Where functions/web/service.ts keeps it, for this tab alone. Browsers may forbid to look.
function keyOfPage() {
  try {
    return sessionStorage.getItem('every-cut.key');
  } catch {
    return null;
  }
}
