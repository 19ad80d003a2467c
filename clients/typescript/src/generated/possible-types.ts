/** What may stand for an interface or a union, for `new InMemoryCache({ possibleTypes })` of Apollo Client. */
export const possibleTypes = {
  "AddToCartResult": [
    "Cart",
    "CartFull",
    "CartLineFull",
    "NotFound"
  ],
  "AddressResult": [
    "Address",
    "NotFound"
  ],
  "AdjustStockResult": [
    "Sku",
    "StockChanged",
    "NotEnoughStock",
    "NotFound",
    "IdempotencyConflict"
  ],
  "AfterSaleQuoteResult": [
    "AfterSaleQuote",
    "OrderNotRefundable",
    "OrderNotConfirmed",
    "AfterSaleTooLate",
    "GoodsMustComeBack",
    "TooManyAfterSales",
    "TooManyUnits",
    "NotFound"
  ],
  "AssignSuppliedSkusResult": [
    "Supplier",
    "SupplierEnded",
    "SkuSupplied",
    "SupplierSkuCodeTaken",
    "NotFound"
  ],
  "BanAccountResult": [
    "Account",
    "LastAdmin",
    "NotFound",
    "IdempotencyConflict"
  ],
  "BindPhoneResult": [
    "Viewer",
    "PhoneTaken",
    "WechatCodeRefused",
    "WechatUserBlocked",
    "WechatBusy",
    "LoginSwitchedOff"
  ],
  "CancelOrderAsStaffResult": [
    "Order",
    "OrderNotCancellable",
    "NotFound",
    "IdempotencyConflict"
  ],
  "CancelOrderResult": [
    "Order",
    "OrderNotCancellable",
    "NotFound",
    "IdempotencyConflict"
  ],
  "ChangeStaffPasswordResult": [
    "SignedIn",
    "SignInRefused",
    "StaffLocked",
    "PasswordTooWeak",
    "AccountDisabled",
    "LoginSwitchedOff"
  ],
  "ClaimCouponResult": [
    "Coupon",
    "NotFound",
    "CouponsNotYet",
    "CouponsOver",
    "CouponsOnlyInRoom",
    "CouponLimitReached",
    "CouponsGone",
    "IdempotencyConflict"
  ],
  "ClaimFlashSaleResult": [
    "FlashSaleTicket",
    "FlashSaleSoldOut",
    "FlashSaleShort",
    "FlashSaleLimitReached",
    "FlashSaleClosed",
    "FlashSalePassRefused",
    "FlashSaleBusy",
    "IdempotencyConflict"
  ],
  "CompleteGroupBuyResult": [
    "GroupBuy",
    "NotFound",
    "GroupBuyOver",
    "NobodyHasPaid",
    "NotYourOwnOrder",
    "IdempotencyConflict"
  ],
  "ConfirmReceiptResult": [
    "Order",
    "OrderNotReceivable",
    "NotFound",
    "IdempotencyConflict"
  ],
  "ConfirmReturnArrivalResult": [
    "AfterSale",
    "NotYourOwnOrder",
    "AfterSaleMoved",
    "NotFound",
    "IdempotencyConflict"
  ],
  "CorrectTrackingNumberResult": [
    "Shipment",
    "ShipmentDelivered",
    "TrackingNumberTaken",
    "NotFound"
  ],
  "CouponBatchResult": [
    "CouponBatch",
    "NotFound",
    "IdempotencyConflict"
  ],
  "CreateAddressResult": [
    "Address",
    "TooManyAddresses"
  ],
  "CreateShareLinkResult": [
    "ShareLink",
    "NotFound"
  ],
  "CreateStoreResult": [
    "Store",
    "StoreCodeTaken"
  ],
  "CreateSupplierResult": [
    "SupplierWithKey",
    "SupplierCodeTaken",
    "IdempotencyConflict"
  ],
  "DecideAfterSaleResult": [
    "AfterSale",
    "NotYourOwnOrder",
    "AfterSaleMoved",
    "AgreedTooMuch",
    "GoodsHaveLeft",
    "NotFound",
    "IdempotencyConflict"
  ],
  "DeleteAddressResult": [
    "AddressDeleted",
    "NotFound"
  ],
  "DropCouponsResult": [
    "CouponBatch",
    "NotFound",
    "RoomNotOn",
    "CouponsDroppedElsewhere",
    "CouponsNotYet",
    "CouponsOver"
  ],
  "EndSessionResult": [
    "SignedOut",
    "NotFound"
  ],
  "EndSessionsOfResult": [
    "Account",
    "NotFound"
  ],
  "EnterLuckyDrawResult": [
    "LuckyDrawEntry",
    "LuckyDrawClosed",
    "CrewDoesNotEnter",
    "BannedFromRoom",
    "OnlyForBuyers",
    "NotFound"
  ],
  "ExtendReceiptResult": [
    "Order",
    "ReceiptNotExtendable",
    "NotFound",
    "IdempotencyConflict"
  ],
  "FlashSaleResult": [
    "FlashSale",
    "NotFound",
    "WrongSaleState",
    "NotEnoughStock",
    "IdempotencyConflict"
  ],
  "FlashSaleTicketResult": [
    "FlashSaleTicket",
    "NotFound",
    "FlashSaleBusy"
  ],
  "FreightOfProductResult": [
    "Product",
    "NotFound"
  ],
  "FreightTemplateResult": [
    "FreightTemplate",
    "NotFound",
    "FreightNameTaken"
  ],
  "GiveRoleResult": [
    "Account",
    "SecondFactorMissing",
    "NotFound"
  ],
  "GroupBuyCampaignResult": [
    "GroupBuyCampaign",
    "NotFound",
    "NotOneProduct",
    "WrongCampaignState",
    "GroupBuyCampaignClosed",
    "NotEnoughStock",
    "IdempotencyConflict"
  ],
  "GroupBuyEventsResult": [
    "GroupBuyNews",
    "NotFound"
  ],
  "HandOverPickupResult": [
    "Order",
    "NotYourOwnOrder",
    "OrderNotReceivable",
    "OrderNotConfirmed",
    "WrongPickupCode",
    "PickupCodeLocked",
    "NotFound",
    "IdempotencyConflict"
  ],
  "HandOverPrizeResult": [
    "HandedOverPrize",
    "WrongPrizeCode",
    "PrizeHandedOver",
    "PrizeLapsed",
    "NotYourOwnPrize",
    "IdempotencyConflict"
  ],
  "JoinGroupBuyResult": [
    "GroupBuySeat",
    "GroupBuyFull",
    "GroupBuyOver",
    "AlreadyInGroupBuy",
    "NewcomersOnly",
    "GroupBuyLimitReached",
    "NotEnoughStock",
    "NotFound",
    "IdempotencyConflict"
  ],
  "LeaveGroupBuyResult": [
    "GroupBuy",
    "SeatNotLeavable",
    "OrderNotCancellable",
    "NotFound",
    "IdempotencyConflict"
  ],
  "LiftSilenceResult": [
    "LiftedRoomSilence",
    "NotFound"
  ],
  "LikeRoomResult": [
    "RoomLiked",
    "NotFound",
    "RoomNotOn"
  ],
  "LiveRoomResult": [
    "Room",
    "NotFound",
    "WrongRoomState",
    "IdempotencyConflict"
  ],
  "MoveAfterSaleResult": [
    "AfterSale",
    "AfterSaleMoved",
    "NotFound",
    "IdempotencyConflict"
  ],
  "Node": [
    "Account",
    "Address",
    "AfterSale",
    "Category",
    "Coupon",
    "CouponBatch",
    "FlashSale",
    "FlashSaleItem",
    "FlashSaleTicket",
    "FreightTemplate",
    "GroupBuy",
    "GroupBuyCampaign",
    "GroupBuyItem",
    "GroupBuySeat",
    "LuckyDraw",
    "Order",
    "Payment",
    "Product",
    "Room",
    "RoomItem",
    "SalePrice",
    "ShareLink",
    "Shipment",
    "Sku",
    "Store",
    "Supplier",
    "Viewer",
    "WonPrize"
  ],
  "OpenGroupBuyResult": [
    "GroupBuySeat",
    "GroupBuyCampaignClosed",
    "GroupBuyLimitReached",
    "NotEnoughStock",
    "NotFound",
    "IdempotencyConflict"
  ],
  "OpenShareLinkResult": [
    "OpenedShare",
    "NotFound"
  ],
  "PayOrderResult": [
    "PaymentInstructions",
    "OrderNotPayable",
    "GatewayUnavailable",
    "PayerUnknown",
    "PaymentsSwitchedOff",
    "NotFound",
    "IdempotencyConflict"
  ],
  "PlaceOrderResult": [
    "Order",
    "PriceChanged",
    "BasketEmpty",
    "TooManyUnpaidOrders",
    "CouponUnknown",
    "NotEnoughStock",
    "UnknownSku",
    "NotForSale",
    "BelowMinimum",
    "NotDeliveredThere",
    "NoPickupThere",
    "DestinationMissing",
    "CouponNotUsable",
    "AmountTooLarge",
    "NotFound",
    "IdempotencyConflict"
  ],
  "PostCommentResult": [
    "PostedRoomComment",
    "NotFound",
    "RoomNotOn",
    "RoomChatClosed",
    "CommentTooSoon",
    "MutedInRoom",
    "BannedFromRoom",
    "IdempotencyConflict"
  ],
  "PriceLadderResult": [
    "Store",
    "NotFound"
  ],
  "ProductResult": [
    "Product",
    "NotFound"
  ],
  "RecordPayoutResult": [
    "LedgerEntry",
    "MoreThanAtGateway",
    "IdempotencyConflict"
  ],
  "RecordSupplierPaymentResult": [
    "Supplier",
    "MoreThanOwed",
    "NotFound",
    "IdempotencyConflict"
  ],
  "RefreshSessionResult": [
    "SignedIn",
    "SessionEnded"
  ],
  "RefundOrderResult": [
    "AfterSale",
    "NotYourOwnOrder",
    "OrderNotRefundable",
    "TooManyUnits",
    "AgreedTooMuch",
    "NotFound",
    "IdempotencyConflict"
  ],
  "RemarkOrderResult": [
    "Order",
    "NotFound",
    "IdempotencyConflict"
  ],
  "RemoveCommentResult": [
    "ModeratedRoomComment",
    "NotFound"
  ],
  "RenewSupplierKeyResult": [
    "SupplierWithKey",
    "SupplierEnded",
    "NotFound"
  ],
  "RequestAfterSaleResult": [
    "AfterSale",
    "OrderNotRefundable",
    "OrderNotConfirmed",
    "AfterSaleTooLate",
    "GoodsMustComeBack",
    "TooManyAfterSales",
    "TooManyUnits",
    "NotFound",
    "IdempotencyConflict"
  ],
  "RequestFlashSalePassResult": [
    "FlashSalePass",
    "FlashSalePlace",
    "FlashSaleNotOpen",
    "FlashSaleClosed",
    "FlashSalePlaceRefused",
    "FlashSaleBusy",
    "NotFound"
  ],
  "ReserveRoomResult": [
    "Room",
    "NotFound",
    "WrongRoomState"
  ],
  "RetryRefundResult": [
    "RefundDetail",
    "NotFound",
    "PaymentsSwitchedOff"
  ],
  "RetryShippingUploadResult": [
    "ShippingUpload",
    "UploadNotRetryable",
    "NotFound"
  ],
  "RoomCommentsResult": [
    "RoomCommentConnection",
    "NotFound",
    "BannedFromRoom"
  ],
  "RoomEventsResult": [
    "RoomNews",
    "RoomPersonalNews",
    "NotFound",
    "BannedFromRoom"
  ],
  "RoomFiguresResult": [
    "RoomFigures",
    "NotFound"
  ],
  "RunLuckyDrawResult": [
    "LuckyDraw",
    "NotFound",
    "RoomNotOn",
    "PrizesBeyondBudget",
    "LuckyDrawStillOpen",
    "LuckyDrawOver",
    "DrawsSwitchedOff",
    "IdempotencyConflict"
  ],
  "RunRoomResult": [
    "Room",
    "NotFound",
    "WrongRoomState",
    "TooEarlyToGoLive",
    "RoomNotOn",
    "NotOnTheShelf"
  ],
  "SalePriceResult": [
    "SalePrice",
    "NotFound"
  ],
  "SetCartQuantityResult": [
    "Cart",
    "NotFound"
  ],
  "SetChatWordsResult": [
    "ChatWords",
    "ChatWordsChanged"
  ],
  "SetOrderDestinationResult": [
    "Order",
    "OrderNotRedirectable",
    "NotFound",
    "IdempotencyConflict"
  ],
  "SetSkuPriceResult": [
    "Sku",
    "NotFound"
  ],
  "SettleBillDifferenceResult": [
    "BillDifference",
    "NotFound"
  ],
  "SharePosterResult": [
    "SharePoster",
    "NotFound"
  ],
  "ShipOrderResult": [
    "Shipment",
    "OrderNotShippable",
    "OrderNotConfirmed",
    "TooManyUnits",
    "MixedSenders",
    "TrackingNumberTaken",
    "NotFound",
    "IdempotencyConflict"
  ],
  "ShipOrdersResult": [
    "ShippedOrders",
    "IdempotencyConflict"
  ],
  "SignInAsStaffResult": [
    "SignedIn",
    "SignInRefused",
    "StaffLocked",
    "PasswordChangeNeeded",
    "AccountDisabled",
    "LoginSwitchedOff"
  ],
  "SignInResult": [
    "SignedIn",
    "LoginSwitchedOff",
    "AccountDisabled"
  ],
  "SignInWithWechatResult": [
    "SignedIn",
    "WechatCodeRefused",
    "WechatUserBlocked",
    "WechatBusy",
    "LoginSwitchedOff",
    "AccountDisabled"
  ],
  "SilenceViewerResult": [
    "RoomSilence",
    "NotFound"
  ],
  "StartRoomFlashSaleResult": [
    "FlashSale",
    "NotFound",
    "RoomNotOn",
    "NotOnTheShelf",
    "BelowTheFloor",
    "NotEnoughStock",
    "FlashSaleClosed",
    "WrongSaleState",
    "IdempotencyConflict"
  ],
  "StartRoomGroupBuyResult": [
    "GroupBuyCampaign",
    "NotFound",
    "RoomNotOn",
    "NotOnTheShelf",
    "BelowTheFloor",
    "NotOneProduct",
    "NotEnoughStock",
    "GroupBuyCampaignClosed",
    "WrongCampaignState",
    "IdempotencyConflict"
  ],
  "StopRoomFlashSaleResult": [
    "FlashSale",
    "NotFound",
    "WrongSaleState"
  ],
  "StopRoomGroupBuyResult": [
    "GroupBuyCampaign",
    "NotFound",
    "WrongCampaignState"
  ],
  "SupplierResult": [
    "Supplier",
    "NotFound"
  ],
  "TakeRoleResult": [
    "Account",
    "LastAdmin",
    "NotFound"
  ],
  "UnbanAccountResult": [
    "Account",
    "NotFound"
  ],
  "UpdateStoreResult": [
    "Store",
    "NotFound"
  ],
  "UserError": [
    "AccountDisabled",
    "AfterSaleMoved",
    "AfterSaleTooLate",
    "AgreedTooMuch",
    "AlreadyInGroupBuy",
    "AmountTooLarge",
    "BannedFromRoom",
    "BasketEmpty",
    "BelowMinimum",
    "BelowTheFloor",
    "CartFull",
    "CartLineFull",
    "ChatWordsChanged",
    "CommentTooSoon",
    "CouponLimitReached",
    "CouponNotUsable",
    "CouponUnknown",
    "CouponsDroppedElsewhere",
    "CouponsGone",
    "CouponsNotYet",
    "CouponsOnlyInRoom",
    "CouponsOver",
    "CrewDoesNotEnter",
    "DestinationMissing",
    "DrawsSwitchedOff",
    "FlashSaleBusy",
    "FlashSaleClosed",
    "FlashSaleLimitReached",
    "FlashSaleNotOpen",
    "FlashSalePassRefused",
    "FlashSalePlaceRefused",
    "FlashSaleShort",
    "FlashSaleSoldOut",
    "FreightNameTaken",
    "GatewayUnavailable",
    "GoodsHaveLeft",
    "GoodsMustComeBack",
    "GroupBuyCampaignClosed",
    "GroupBuyFull",
    "GroupBuyLimitReached",
    "GroupBuyOver",
    "IdempotencyConflict",
    "LastAdmin",
    "LoginSwitchedOff",
    "LuckyDrawClosed",
    "LuckyDrawOver",
    "LuckyDrawStillOpen",
    "MixedSenders",
    "MoreThanAtGateway",
    "MoreThanOwed",
    "MutedInRoom",
    "NewcomersOnly",
    "NoPickupThere",
    "NobodyHasPaid",
    "NotDeliveredThere",
    "NotEnoughStock",
    "NotForSale",
    "NotFound",
    "NotOnTheShelf",
    "NotOneProduct",
    "NotYourOwnOrder",
    "NotYourOwnPrize",
    "OnlyForBuyers",
    "OrderNotCancellable",
    "OrderNotConfirmed",
    "OrderNotPayable",
    "OrderNotReceivable",
    "OrderNotRedirectable",
    "OrderNotRefundable",
    "OrderNotShippable",
    "PasswordChangeNeeded",
    "PasswordTooWeak",
    "PayerUnknown",
    "PaymentsSwitchedOff",
    "PhoneTaken",
    "PickupCodeLocked",
    "PriceChanged",
    "PrizeHandedOver",
    "PrizeLapsed",
    "PrizesBeyondBudget",
    "ReceiptNotExtendable",
    "RoomChatClosed",
    "RoomNotOn",
    "SeatNotLeavable",
    "SecondFactorMissing",
    "SessionEnded",
    "ShipmentDelivered",
    "SignInRefused",
    "SkuSupplied",
    "StaffLocked",
    "StockChanged",
    "StoreCodeTaken",
    "SupplierCodeTaken",
    "SupplierEnded",
    "SupplierSkuCodeTaken",
    "TooEarlyToGoLive",
    "TooManyAddresses",
    "TooManyAfterSales",
    "TooManyUnits",
    "TooManyUnpaidOrders",
    "TrackingNumberTaken",
    "UnknownSku",
    "UploadNotRetryable",
    "WechatBusy",
    "WechatCodeRefused",
    "WechatUserBlocked",
    "WrongCampaignState",
    "WrongPickupCode",
    "WrongPrizeCode",
    "WrongRoomState",
    "WrongSaleState"
  ]
};
