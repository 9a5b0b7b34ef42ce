// A page of another origin that calls with @connectrpc/connect-web in Chromium: prints its origin, then reads one call a line
// from standard input and prints its outcome a line.
//
//   connect_page.cjs CHROMIUM DESCRIPTOR_SET
//
//   {"address", "service", "method", "authorization"?, "body"}  →  {"answer"} or {"info"}: ErrorInfo in base64

const { readFileSync } = require('node:fs')
const { createServer } = require('node:http')
const path = require('node:path')
const { createInterface } = require('node:readline')

const { chromium } = require('playwright-core')

const [executablePath, descriptors] = process.argv.slice(2)
const PACKAGES = ['@connectrpc/connect', '@connectrpc/connect-web', '@bufbuild/protobuf']
const modules = path.resolve(require.resolve('@bufbuild/protobuf'), '../../../../..')

// The packages are native modules; what they call one another by is in their own descriptions.
const imports = Object.fromEntries(
  PACKAGES.flatMap((name) => {
    const { exports } = JSON.parse(readFileSync(path.join(modules, name, 'package.json'), 'utf8'))
    return Object.entries(exports).flatMap(([entry, { import: file }]) => {
      const target = typeof file === 'string' ? file : file?.default
      return target ? [[path.posix.join(name, entry), path.posix.join('/modules', name, target)]] : []
    })
  }),
)

const PAGE = `<!doctype html><title>A shop</title><link rel="icon" href="data:,">
<script type="importmap">${JSON.stringify({ imports })}</script>
<script type="module">
import { ConnectError, createClient } from '@connectrpc/connect'
import { createGrpcWebTransport } from '@connectrpc/connect-web'
import { createFileRegistry, fromBinary, fromJson, toJson } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'

const bytes = new Uint8Array(await (await fetch('/descriptors')).arrayBuffer())
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes))

window.call = async ({ address, service, method, authorization, body }) => {
  const found = registry.getService(service)
  const { input, output, localName } = found.methods.find(({ name }) => name === method)
  const client = createClient(found, createGrpcWebTransport({ baseUrl: 'http://' + address }))
  const options = authorization ? { headers: { authorization } } : {}
  try {
    const answer = await client[localName](fromJson(input, body, { registry }), options)
    return { answer: toJson(output, answer, { registry }) }
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error
    const info = error.details.find(({ type }) => type === 'google.rpc.ErrorInfo')
    return { message: error.message, info: info && btoa(String.fromCharCode(...info.value)) }
  }
}
</script>`

const site = createServer(({ url }, response) => {
  const [type, content] =
    url === '/' ? ['text/html', PAGE]
    : url === '/descriptors' ? ['application/octet-stream', readFileSync(descriptors)]
    : ['text/javascript', readFileSync(path.join(modules, path.normalize(url.replace('/modules', ''))))]
  response.writeHead(200, { 'content-type': type }).end(content)
})

async function main() {
  await new Promise((listening) => site.listen(0, '127.0.0.1', listening))
  const origin = `http://127.0.0.1:${site.address().port}`
  const args = process.getuid() === 0 ? ['--no-sandbox'] : []
  const browser = await chromium.launch({ executablePath, args })
  const page = await browser.newPage()
  await page.goto(origin)
  await page.waitForFunction(() => 'call' in window)
  console.log(origin)
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await page.evaluate((call) => window.call(call), JSON.parse(line))))
  }
  await browser.close()
  site.close()
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
