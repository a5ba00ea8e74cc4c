declare module 'braintree' {
  interface Gateway {
    readonly webhookNotification: { parse(signature: string, payload: string): Promise<unknown> };
  }
  const braintree: {
    readonly BraintreeGateway: new (options: object) => Gateway;
    readonly Environment: { readonly Sandbox: object };
  };
  export default braintree;
}
