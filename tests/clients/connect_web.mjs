// One call with @connectrpc/connect-web, as a page makes it: prints the answer as JSON, or the reason of the refusal and
// exit code 1.
//
//   connect_web.mjs ADDRESS DESCRIPTOR_SET SERVICE METHOD [AUTHORIZATION] < message.json

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

// Where the libraries are is said by NODE_PATH, which only require() reads.
const require = createRequire(import.meta.url)
const { Code, ConnectError, createClient } = require('@connectrpc/connect')
const { createGrpcWebTransport } = require('@connectrpc/connect-web')
const { createFileRegistry, fromBinary, fromJson, toJson } = require('@bufbuild/protobuf')
const { FileDescriptorSetSchema } = require('@bufbuild/protobuf/wkt')

const [address, descriptors, serviceName, methodName, authorization] = process.argv.slice(2)
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(descriptors)))
const service = registry.getService(serviceName)
const method = service.methods.find(({ name }) => name === methodName)
const client = createClient(service, createGrpcWebTransport({ baseUrl: `http://${address}` }))

try {
  const message = fromJson(method.input, JSON.parse(readFileSync(0, 'utf8')), { registry })
  const answer = await client[method.localName](message, authorization ? { headers: { authorization } } : {})
  console.log(JSON.stringify(toJson(method.output, answer, { registry })))
} catch (error) {
  if (!(error instanceof ConnectError)) throw error
  const info = error.details.find(({ type }) => type === 'google.rpc.ErrorInfo')
  console.log(JSON.stringify({ code: Code[error.code], message: error.rawMessage, info: info && Buffer.from(info.value).toString('base64') }))
  process.exitCode = 1
}
